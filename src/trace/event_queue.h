#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace aieb {

/// Unbounded first-in first-out queue for any number of producers and one consumer, without locks:
/// a linked list whose producers exchange the tail pointer (D. Vyukov's MPSC list).
///
/// `push` is one allocation, one atomic exchange and one store, so it is wait-free apart from the
/// allocator. A producer that is suspended between exchange and store hides later items from the
/// consumer until it continues; nothing is lost or reordered. Items of one producer stay in order.
template <typename T>
class EventQueue {
 public:
  EventQueue() : last_(new Node), first_(last_.load(std::memory_order_relaxed)) {}
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;
  ~EventQueue() {
    T dropped;
    while (pop(dropped)) continue;
    delete first_;
  }

  /// Any thread.
  void push(T item) {
    auto* node = new Node;
    node->item = std::move(item);
    Node* before = last_.exchange(node, std::memory_order_acq_rel);
    before->next.store(node, std::memory_order_release);
  }

  /// The consumer only. False when nothing (visible) is queued.
  bool pop(T& item) {
    Node* next = first_->next.load(std::memory_order_acquire);
    if (next == nullptr) return false;
    item = std::move(next->item);
    delete std::exchange(first_, next);
    return true;
  }

 private:
  struct Node {
    std::atomic<Node*> next{nullptr};
    T item{};
  };

  std::atomic<Node*> last_;  ///< producers append here
  Node* first_;              ///< the consumer's end: a node whose item was taken already
};

}  // namespace aieb
