#include "analysis/readings.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/clock.h"

namespace aieb {
namespace {

/// Whether `to` can follow `from`: neither backwards nor by more than the device can draw. A
/// counter that is updated every `update_s` may deliver that much energy at once.
class Plausibility {
 public:
  explicit Plausibility(const Domain& domain)
      : limit_w_(plausible_power_w(domain.component)),
        update_s_(std::max(seconds(domain.update_period_ns), 1e-3)),
        step_j_(domain.resolution) {}

  [[nodiscard]] bool follows(const Reading& from, const Reading& to) const {
    const double most = limit_w_ * (seconds(to.t_ns - from.t_ns) + update_s_) + step_j_;
    return to.value >= from.value && to.value - from.value <= most;
  }

 private:
  double limit_w_;
  double update_s_;
  double step_j_;
};

/// Whether one of the next few readings follows `before`, so that what lies between is wrong.
bool goes_on_later(const Plausibility& plausible, const Reading& before,
                   std::span<const Sample> later, double shift) {
  constexpr size_t kMostWrong = 4;
  for (const Sample& sample : later.first(std::min(later.size(), kMostWrong))) {
    if (plausible.follows(before, {sample.t_ns, sample.value + shift})) return true;
  }
  return false;
}

/// Whether one of `known` lies in [reading, next reading): the meter tells right after it read.
bool told_by_meter(std::span<const int64_t> known, int64_t from_ns, int64_t to_ns) {
  return std::any_of(known.begin(), known.end(),
                     [&](int64_t t) { return t >= from_ns && t < to_ns; });
}

/// Mean of the powers of up to two stretches.
struct PowerNearby {
  double sum = 0;
  double count = 0;

  void add(const Reading& from, const Reading& to) {
    sum += (to.value - from.value) / seconds(to.t_ns - from.t_ns);
    ++count;
  }
  void merge(const PowerNearby& other) {
    sum += other.sum;
    count += other.count;
  }
  [[nodiscard]] double mean() const { return count > 0 ? sum / count : 0; }
};
/// Readings on each side of a break whose mean power fills it.
constexpr size_t kNeighbours = 20;
/// Relative standard deviation of power within a break around the mean of its sides.
constexpr double kFillError = 0.25;

/// Readings at `broken_at` have the value of the one before: adds what was probably used since that
/// value was first seen.
void fill_breaks(CleanReadings& out, const std::vector<size_t>& broken_at) {
  std::vector<Reading>& r = out.readings;
  for (size_t b = 0; b < broken_at.size(); ++b) {
    const size_t i = broken_at[b];
    const size_t lowest = b == 0 ? 0 : broken_at[b - 1];
    size_t held_since = i - 1;
    while (held_since > lowest && r[held_since - 1].value == r[i - 1].value) --held_since;
    const size_t first = std::max(lowest, held_since > kNeighbours ? held_since - kNeighbours : 0);
    const size_t highest = b + 1 < broken_at.size() ? broken_at[b + 1] : r.size();
    const size_t end = std::min(highest, i + kNeighbours + 1);
    PowerNearby before;
    PowerNearby after;
    if (held_since > first) before.add(r[first], r[held_since]);
    if (end - 1 > i) after.add(r[i], r[end - 1]);
    PowerNearby both;
    for (const PowerNearby& side : {before, after}) both.merge(side);
    const double dt = seconds(r[i].t_ns - r[held_since].t_ns);
    const double spread = both.count > 1 ? std::abs(before.sum - after.sum) : both.mean();
    out.breaks.push_back({r[held_since].t_ns, r[i].t_ns,
                          dt * std::hypot(spread / std::sqrt(12.0), kFillError * both.mean())});
    for (size_t k = i; k < r.size(); ++k) r[k].value += both.mean() * dt;
  }
}

}  // namespace

double plausible_power_w(Component component) {
  switch (component) {
    case Component::kGpu:
      return 5000;
    case Component::kCpu:
      return 2000;
    case Component::kDram:
      return 1000;
    case Component::kNode:
      return 50'000;
    case Component::kDisk:
    case Component::kNetwork:
    case Component::kClient:
      return 2000;
  }
  return 50'000;
}

CleanReadings clean_counter(const Domain& domain, std::span<const Sample> samples,
                            std::span<const int64_t> known_breaks) {
  CleanReadings out;
  std::vector<size_t> broken_at;
  const Plausibility plausible(domain);
  double shift = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    Reading reading{samples[i].t_ns, samples[i].value + shift};
    if (!std::isfinite(reading.value)) {
      ++out.spikes;
      continue;
    }
    if (out.readings.empty()) {
      out.readings.push_back(reading);
      continue;
    }
    const Reading& before = out.readings.back();
    if (reading.t_ns <= before.t_ns) continue;
    const bool last = i + 1 == samples.size();
    const int64_t next_ns = last ? INT64_MAX : samples[i + 1].t_ns;
    bool broken = told_by_meter(known_breaks, reading.t_ns, next_ns);
    if (!plausible.follows(before, reading)) {
      if (goes_on_later(plausible, before, samples.subspan(i + 1), shift)) {
        ++out.spikes;
        continue;
      }
      shift += before.value - reading.value;
      reading.value = before.value;
      broken = true;
    }
    if (broken) broken_at.push_back(out.readings.size());
    out.readings.push_back(reading);
  }
  fill_breaks(out, broken_at);
  return out;
}

CleanReadings clean_gauge(const Domain& domain, std::span<const Sample> samples) {
  CleanReadings out;
  const double limit_w = plausible_power_w(domain.component);
  for (const Sample& sample : samples) {
    const bool possible =
        std::isfinite(sample.value) && sample.value >= 0 && sample.value <= limit_w;
    if (!possible) {
      ++out.spikes;
    } else if (out.readings.empty() || sample.t_ns > out.readings.back().t_ns) {
      out.readings.push_back({sample.t_ns, sample.value});
    }
  }
  return out;
}

double usual_spacing_s(std::span<const Reading> readings) {
  std::vector<double> gaps;
  for (size_t i = 1; i < readings.size(); ++i) {
    gaps.push_back(seconds(readings[i].t_ns - readings[i - 1].t_ns));
  }
  std::sort(gaps.begin(), gaps.end());
  const double half = std::accumulate(gaps.begin(), gaps.end(), 0.0) / 2;
  double time = 0;
  for (const double gap : gaps) {
    time += gap;
    if (time >= half) return gap;
  }
  return 0;
}

}  // namespace aieb
