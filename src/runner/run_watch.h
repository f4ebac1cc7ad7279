#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/events.h"

namespace aieb {

/// Forwards every event to another sink and remembers what the protocol decides by: temperatures of
/// the GPUs, what was answered since `restart`, and which request ids are taken. Thread-safe.
class RunWatch : public EventSink {
 public:
  explicit RunWatch(EventSink& target) : target_(target) {}

  void request_started(const RequestRecord& record) override {
    {
      const std::lock_guard lock(mutex_);
      next_id_ = std::max(next_id_, record.id + 1);
    }
    target_.request_started(record);
  }

  void request_finished(RequestRecord record) override {
    {
      const std::lock_guard lock(mutex_);
      next_id_ = std::max(next_id_, record.id + 1);
      if (record.status == RequestStatus::kOk) {
        ++answered_;
        tokens_ += record.output_tokens.value_or(0);
      }
    }
    target_.request_finished(std::move(record));
  }

  void domain(const Domain& domain) override {
    if (domain.component == Component::kGpu && domain.unit == "degC") {
      const std::lock_guard lock(mutex_);
      gpu_of_domain_[domain.id] = domain.index;
    }
    target_.domain(domain);
  }

  void samples(const std::vector<Sample>& samples) override {
    {
      const std::lock_guard lock(mutex_);
      for (const Sample& sample : samples) {
        const auto gpu = gpu_of_domain_.find(sample.domain_id);
        if (gpu != gpu_of_domain_.end()) temperatures_[gpu->second] = sample.value;
      }
    }
    target_.samples(samples);
  }

  void tokens_arrived(int count) override { target_.tokens_arrived(count); }
  void phase_begin(const Phase& phase) override { target_.phase_begin(phase); }
  void phase_end(const Phase& phase) override { target_.phase_end(phase); }
  void event(TraceEvent event) override { target_.event(std::move(event)); }

  /// The first id that no request has had, at least `least`.
  [[nodiscard]] int64_t free_id(int64_t least) const {
    const std::lock_guard lock(mutex_);
    return std::max(next_id_, least);
  }

  /// °C by GPU, as last read; empty where no GPU tells.
  [[nodiscard]] std::map<int, double> temperatures() const {
    const std::lock_guard lock(mutex_);
    return temperatures_;
  }

  void restart() {
    const std::lock_guard lock(mutex_);
    answered_ = tokens_ = 0;
  }
  [[nodiscard]] int64_t answered() const {
    const std::lock_guard lock(mutex_);
    return answered_;
  }
  /// Output tokens since `restart`; where the backend counts none, answered requests.
  [[nodiscard]] int64_t work() const {
    const std::lock_guard lock(mutex_);
    return tokens_ > 0 ? tokens_ : answered_;
  }

 private:
  EventSink& target_;
  mutable std::mutex mutex_;
  std::map<int, int> gpu_of_domain_;
  std::map<int, double> temperatures_;
  int64_t next_id_ = 0;
  int64_t answered_ = 0;
  int64_t tokens_ = 0;
};

}  // namespace aieb
