#pragma once

#include <atomic>
#include <cstdint>

#include "core/events.h"

namespace aieb {

/// Forwards every event to another sink and counts what the progress display shows.
class ProgressSink : public EventSink {
 public:
  explicit ProgressSink(EventSink& target) : target_(target) {}

  void request_started(const RequestRecord& record) override { target_.request_started(record); }

  void tokens_arrived(int count) override {
    tokens_.fetch_add(count, std::memory_order_relaxed);
    target_.tokens_arrived(count);
  }

  void request_finished(RequestRecord record) override {
    if (record.status != RequestStatus::kNotBegun) {
      auto& count = record.status == RequestStatus::kOk ? done_ : failed_;
      count.fetch_add(1, std::memory_order_relaxed);
    }
    target_.request_finished(std::move(record));
  }

  void phase_begin(const Phase& phase) override { target_.phase_begin(phase); }
  void phase_end(const Phase& phase) override { target_.phase_end(phase); }
  void domain(const Domain& domain) override { target_.domain(domain); }
  void samples(const std::vector<Sample>& samples) override { target_.samples(samples); }
  void event(TraceEvent event) override { target_.event(std::move(event)); }

  void reset() {
    done_ = 0;
    failed_ = 0;
    tokens_ = 0;
  }
  [[nodiscard]] int64_t done() const { return done_.load(std::memory_order_relaxed); }
  [[nodiscard]] int64_t failed() const { return failed_.load(std::memory_order_relaxed); }
  [[nodiscard]] int64_t tokens() const { return tokens_.load(std::memory_order_relaxed); }

 private:
  EventSink& target_;
  std::atomic<int64_t> done_{0};
  std::atomic<int64_t> failed_{0};
  std::atomic<int64_t> tokens_{0};
};

}  // namespace aieb
