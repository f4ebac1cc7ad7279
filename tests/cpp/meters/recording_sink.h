#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "core/events.h"

namespace aieb::test {

/// Keeps what a sampler sends.
class RecordingSink : public EventSink {
 public:
  void request_started(const RequestRecord&) override {}
  void tokens_arrived(int) override {}
  void request_finished(RequestRecord) override {}
  void phase_begin(const Phase&) override {}
  void phase_end(const Phase&) override {}
  void domain(const Domain& domain) override {
    const std::lock_guard lock(mutex_);
    domains_.push_back(domain);
  }
  void samples(const std::vector<Sample>& samples) override {
    const std::lock_guard lock(mutex_);
    samples_.insert(samples_.end(), samples.begin(), samples.end());
  }
  void event(TraceEvent event) override {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }

  [[nodiscard]] std::vector<Domain> domains() const { return copy(domains_); }
  [[nodiscard]] std::vector<Sample> samples() const { return copy(samples_); }
  [[nodiscard]] std::vector<TraceEvent> events() const { return copy(events_); }
  [[nodiscard]] std::vector<Sample> samples_of(int domain_id) const {
    std::vector<Sample> result = samples();
    std::erase_if(result, [&](const Sample& sample) { return sample.domain_id != domain_id; });
    return result;
  }

 private:
  template <typename T>
  std::vector<T> copy(const std::vector<T>& values) const {
    const std::lock_guard lock(mutex_);
    return values;
  }

  mutable std::mutex mutex_;
  std::vector<Domain> domains_;
  std::vector<Sample> samples_;
  std::vector<TraceEvent> events_;
};

}  // namespace aieb::test
