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
/// Fewer periods than this do not show one.
constexpr size_t kEnoughPeriods = 5;

/// The times within which one value was taken.
struct Possible {
  double from = 0;
  double to = 0;
  [[nodiscard]] double middle() const { return (from + to) / 2; }
};

struct Changes {
  std::vector<Possible> times;  ///< after the reading before, up to the reading that shows it
  std::vector<double> values;
};

Changes find_changes(std::span<const Reading> readings, bool every_reading) {
  Changes changes;
  const int64_t origin = readings.front().t_ns;
  for (size_t i = 0; i < readings.size(); ++i) {
    const bool same = i > 0 && readings[i].value == readings[i - 1].value;
    if (same && !every_reading) continue;
    const double before = i == 0 ? -1e9 : seconds(readings[i - 1].t_ns - origin);
    changes.times.push_back({before, seconds(readings[i].t_ns - origin)});
    changes.values.push_back(readings[i].value);
  }
  return changes;
}

/// Times between successive changes that were both seen soon after they happened.
std::vector<double> well_seen_periods(const std::vector<Possible>& times) {
  std::vector<double> periods;
  for (size_t i = 1; i < times.size(); ++i) {
    const double gap = times[i].to - times[i - 1].to;
    const auto soon = [gap](const Possible& t) { return t.to - t.from <= 0.7 * gap; };
    if (soon(times[i]) && soon(times[i - 1])) periods.push_back(gap);
  }
  return periods;
}

/// Updates between two changes: more than one where readings are missing.
double periods_between(const Possible& a, const Possible& b, double period_s) {
  return std::max(1.0, std::round((b.to - a.to) / period_s));
}

/// Mean period over all changes that are one period apart or a few, which is far finer than the
/// time between readings.
double mean_period(const std::vector<Possible>& times, double about_s) {
  constexpr double kMostPeriods = 4;
  double periods = 0;
  double length = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    const double n = periods_between(times[i - 1], times[i], about_s);
    if (n > kMostPeriods) continue;
    periods += n;
    length += times[i].to - times[i - 1].to;
  }
  return periods > 0 ? length / periods : about_s;
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

/// Adds the updates that brought the same value again, before `next_s`.
void repeat_held_value(SensorUpdates& out, const Update& held, double next_s) {
  for (double t = held.t_s + out.period_s; t < next_s - out.period_s / 2; t += out.period_s) {
    out.updates.push_back({t, held.sigma_s, held.value});
  }
}

/// The declared period, unless changes come faster than it allows.
double believed_period(const std::vector<Possible>& times, double declared_s) {
  std::vector<double> gaps;
  for (size_t i = 1; i < times.size(); ++i) gaps.push_back(times[i].to - times[i - 1].to);
  return gaps.size() < kEnoughPeriods ? declared_s : std::min(declared_s, percentile(gaps, 20));
}

}  // namespace

SensorUpdates find_updates(std::span<const Reading> readings, int64_t declared_period_ns,
                           DomainKind kind) {
  SensorUpdates out;
  if (readings.empty()) return out;
  const bool counter = kind == DomainKind::kCounter;
  out.origin_ns = readings.front().t_ns;
  Changes changes = find_changes(readings, false);
  std::vector<double> seen = well_seen_periods(changes.times);
  out.staircase = seen.size() >= kEnoughPeriods && 2 * seen.size() >= changes.times.size();
  out.period_s = out.staircase ? mean_period(changes.times, percentile(seen, 50))
                               : believed_period(changes.times, seconds(declared_period_ns));
  if (!counter && !out.staircase) changes = find_changes(readings, true);
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
