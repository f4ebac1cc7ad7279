#include "analysis/updates.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "analysis/statistics.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// How far two successive updates may be off the period, relative to it: tried in this order until
/// the readings agree with one.
constexpr double kTolerances[] = {0.01, 0.04};
/// Share of updates that may contradict their neighbours before a tolerance is given up.
constexpr double kContradictions = 0.05;

/// The times within which one value was taken.
struct Possible {
  double from = 0;
  double to = 0;
  [[nodiscard]] double middle() const { return (from + to) / 2; }
};

struct Changes {
  std::vector<Possible> times;  ///< after the reading before, up to the reading that shows it
  std::vector<double> values;
  double held_by_median = 0;  ///< median time between changes
};

Changes find_changes(std::span<const Reading> readings) {
  Changes changes;
  const int64_t origin = readings.front().t_ns;
  std::vector<double> gaps;
  for (size_t i = 0; i < readings.size(); ++i) {
    if (i > 0 && readings[i].value == readings[i - 1].value) continue;
    const double before = i == 0 ? -1e9 : seconds(readings[i - 1].t_ns - origin);
    const double t = seconds(readings[i].t_ns - origin);
    if (!changes.times.empty()) gaps.push_back(t - changes.times.back().to);
    changes.times.push_back({before, t});
    changes.values.push_back(readings[i].value);
  }
  if (!gaps.empty()) changes.held_by_median = percentile(gaps, 50);
  return changes;
}

/// Updates between two changes: more than one where readings are missing.
double periods_between(const Possible& a, const Possible& b, double period_s) {
  return std::max(1.0, std::round((b.to - a.to) / period_s));
}

/// Mean period over the whole series, which is far finer than the reading interval.
double mean_period(const std::vector<Possible>& times, double about_s) {
  double periods = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    periods += periods_between(times[i - 1], times[i], about_s);
  }
  return periods > 0 ? (times.back().to - times.front().to) / periods : about_s;
}

/// Narrows `times` by the one-period rule in one direction; returns the number of contradictions.
int64_t narrow(std::vector<Possible>& times, const std::vector<Possible>& seen, double period_s,
               double tolerance, bool forward) {
  int64_t contradictions = 0;
  const auto n = static_cast<std::ptrdiff_t>(times.size());
  for (std::ptrdiff_t step = 1; step < n; ++step) {
    const std::ptrdiff_t i = forward ? step : n - 1 - step;
    const std::ptrdiff_t j = forward ? i - 1 : i + 1;
    const double sign = forward ? 1 : -1;
    const double periods = periods_between(seen[std::min(i, j)], seen[std::max(i, j)], period_s);
    const double slack = periods * period_s * tolerance;
    const Possible predicted{times[j].from + sign * periods * period_s - slack,
                             times[j].to + sign * periods * period_s + slack};
    const Possible both{std::max(predicted.from, times[i].from),
                        std::min(predicted.to, times[i].to)};
    if (both.from <= both.to) {
      times[i] = both;
    } else {
      ++contradictions;
    }
  }
  return contradictions;
}

std::vector<Possible> narrowed(const std::vector<Possible>& seen, double period_s) {
  for (const double tolerance : kTolerances) {
    std::vector<Possible> times = seen;
    const int64_t contradictions = narrow(times, seen, period_s, tolerance, true) +
                                   narrow(times, seen, period_s, tolerance, false);
    const double allowed = kContradictions * static_cast<double>(seen.size());
    if (static_cast<double>(contradictions) <= allowed) return times;
  }
  return seen;
}

Changes every_reading(std::span<const Reading> readings) {
  Changes all;
  for (size_t i = 0; i < readings.size(); ++i) {
    const int64_t before_ns = i == 0 ? readings[0].t_ns - 1'000'000'000 : readings[i - 1].t_ns;
    all.times.push_back(
        {seconds(before_ns - readings[0].t_ns), seconds(readings[i].t_ns - readings[0].t_ns)});
    all.values.push_back(readings[i].value);
  }
  return all;
}

/// Adds the updates that brought the same value again, before `next_s`.
void repeat_held_value(SensorUpdates& out, const Update& held, double next_s) {
  for (double t = held.t_s + out.period_s; t < next_s - out.period_s / 2; t += out.period_s) {
    out.updates.push_back({t, held.sigma_s, held.value});
  }
}

/// The period to believe: what the data shows where it shows one, else what was declared, else
/// none; a declared period longer than the time between changes is wrong.
double believed_period(const Changes& changes, bool staircase, double spacing_s,
                       double declared_s) {
  if (staircase) return mean_period(changes.times, changes.held_by_median);
  return std::min(declared_s, std::max(spacing_s, changes.held_by_median));
}

}  // namespace

SensorUpdates find_updates(std::span<const Reading> readings, int64_t declared_period_ns,
                           DomainKind kind) {
  SensorUpdates out;
  if (readings.empty()) return out;
  const bool counter = kind == DomainKind::kCounter;
  out.origin_ns = readings.front().t_ns;
  Changes changes = find_changes(readings);
  const double spacing_s = median_spacing_s(readings);
  out.staircase = changes.times.size() > 4 && changes.held_by_median > 1.5 * spacing_s;
  out.period_s = believed_period(changes, out.staircase, spacing_s, seconds(declared_period_ns));
  if (!counter && !out.staircase) changes = every_reading(readings);
  for (Possible& time : changes.times) time.from = std::max(time.from, time.to - out.period_s);
  if (out.staircase) changes.times = narrowed(changes.times, out.period_s);
  const double last_s = seconds(readings.back().t_ns - out.origin_ns);
  for (size_t i = 0; i < changes.times.size(); ++i) {
    const Possible& time = changes.times[i];
    const Update update{time.middle(), (time.to - time.from) / std::sqrt(12.0), changes.values[i]};
    out.updates.push_back(update);
    if (counter || !out.staircase) continue;
    const double next_s = i + 1 < changes.times.size() ? changes.times[i + 1].middle() : last_s;
    repeat_held_value(out, update, next_s);
  }
  return out;
}

}  // namespace aieb
