#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <sys/epoll.h>

namespace aieb::http {

/// A time that never comes.
constexpr int64_t kNever = INT64_MAX;

/// epoll with a nanosecond timer and a wake-up from other threads. Used by one thread, except
/// `wake`. Throws EnvironmentError when the kernel refuses (out of file descriptors).
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Reports `events` (EPOLLIN, EPOLLOUT) of `fd` from now on, level-triggered.
  void watch(int fd, uint32_t events);
  void unwatch(int fd);

  /// Sleeps until a watched descriptor is ready, `until_ns` (CLOCK_MONOTONIC) or `wake`. What is
  /// ready is valid until the next call; `data.fd` names the descriptor.
  std::span<const epoll_event> wait(int64_t until_ns);

  /// Ends the current or the next `wait`. Safe from any thread and from signal handlers.
  void wake() const noexcept;

 private:
  void arm(int64_t at_ns);
  size_t drop_own_events(size_t count);

  int epoll_fd_ = -1;
  int timer_fd_ = -1;
  int wake_fd_ = -1;
  int64_t armed_ns_ = kNever;
  std::vector<bool> watched_;  ///< by descriptor
  std::vector<epoll_event> ready_;
};

}  // namespace aieb::http
