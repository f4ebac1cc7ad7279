#include "meters/observation.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/clock.h"

namespace aieb {
namespace {

/// The samples at which the value differs from the one before.
std::vector<Sample> steps(const std::vector<Sample>& samples) {
  std::vector<Sample> result;
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].value != samples[i - 1].value) result.push_back(samples[i]);
  }
  return result;
}

std::optional<double> counter_power(const std::vector<Sample>& samples) {
  const std::vector<Sample> moved = steps(samples);
  if (moved.size() < 2) return std::nullopt;
  return (moved.back().value - moved.front().value) /
         seconds(moved.back().t_ns - moved.front().t_ns);
}

std::optional<double> gauge_power(const std::vector<Sample>& samples) {
  if (samples.size() < 2) return std::nullopt;
  double joules = 0;
  for (size_t i = 1; i < samples.size(); ++i) {
    joules += 0.5 * (samples[i].value + samples[i - 1].value) *
              seconds(samples[i].t_ns - samples[i - 1].t_ns);
  }
  return joules / seconds(samples.back().t_ns - samples.front().t_ns);
}

bool measures_energy(const Domain& domain) { return domain.unit == "J" || domain.unit == "W"; }

}  // namespace

std::optional<double> Observation::mean_power_w() const {
  return domain.kind == DomainKind::kCounter ? counter_power(samples) : gauge_power(samples);
}

std::optional<double> Observation::update_period_s() const {
  const std::vector<Sample> moved = steps(samples);
  if (moved.size() < 3) return std::nullopt;
  std::vector<int64_t> gaps;
  for (size_t i = 1; i < moved.size(); ++i) gaps.push_back(moved[i].t_ns - moved[i - 1].t_ns);
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return seconds(*middle);
}

bool Observation::stuck() const {
  return domain.kind == DomainKind::kCounter && samples.size() >= 3 && steps(samples).empty();
}

std::vector<Observation> observe(const std::vector<Meter*>& meters, int64_t duration_ns,
                                 int64_t pause_ns) {
  struct Watched {
    Meter* meter;
    std::vector<Observation> domains;
  };
  std::vector<Watched> watched;
  for (Meter* meter : meters) {
    Watched entry{meter, {}};
    for (Domain& domain : meter->discover().domains) entry.domains.push_back({domain, {}});
    const bool wanted = std::any_of(entry.domains.begin(), entry.domains.end(),
                                    [](const Observation& o) { return measures_energy(o.domain); });
    if (wanted) watched.push_back(std::move(entry));
  }
  std::vector<Sample> read;
  for (const int64_t end_ns = now_ns() + duration_ns; now_ns() < end_ns;) {
    for (Watched& entry : watched) {
      read.clear();
      entry.meter->read(read);
      for (const Sample& sample : read) {
        entry.domains.at(static_cast<size_t>(sample.domain_id)).samples.push_back(sample);
      }
    }
    std::this_thread::sleep_for(std::chrono::nanoseconds(pause_ns));
  }
  std::vector<Observation> result;
  for (Watched& entry : watched) {
    std::move(entry.domains.begin(), entry.domains.end(), std::back_inserter(result));
  }
  return result;
}

}  // namespace aieb
