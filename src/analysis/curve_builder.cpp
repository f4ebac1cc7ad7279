#include "analysis/curve_builder.h"

#include <algorithm>

#include "core/clock.h"

namespace aieb {

EnergyCurve CurveBuilder::build() {
  std::stable_sort(points_.begin(), points_.end(),
                   [](const Point& a, const Point& b) { return a.t_ns < b.t_ns; });
  std::vector<int64_t> times;
  std::vector<double> energy;
  for (const Point& point : points_) {
    const double floor = energy.empty() ? point.energy_j : energy.back();
    if (!times.empty() && times.back() == point.t_ns) {
      energy.back() = std::max(point.energy_j, floor);
      continue;
    }
    times.push_back(point.t_ns);
    energy.push_back(std::max(point.energy_j, floor));
  }
  return {std::move(times), std::move(energy)};
}

std::vector<double> edges_in_seconds(std::span<const int64_t> edges_ns, int64_t origin_ns) {
  std::vector<double> edges;
  for (const int64_t t : edges_ns) edges.push_back(seconds(t - origin_ns));
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return edges;
}

std::vector<double> edges_in_seconds(std::span<const int64_t> edges_ns,
                                     std::span<const int64_t> load_changes_ns, double period_s,
                                     int64_t origin_ns) {
  std::vector<int64_t> all(edges_ns.begin(), edges_ns.end());
  std::sort(all.begin(), all.end());
  const std::vector<int64_t> alone =
      standing_alone(load_changes_ns, all, nanoseconds(kAlonePeriods * period_s));
  all.insert(all.end(), alone.begin(), alone.end());
  return edges_in_seconds(all, origin_ns);
}

std::vector<TimeSpan> find_gaps(std::span<const Reading> readings) {
  std::vector<TimeSpan> gaps;
  const double usual_s = usual_spacing_s(readings);
  for (size_t i = 1; i < readings.size(); ++i) {
    if (seconds(readings[i].t_ns - readings[i - 1].t_ns) > kGapPeriods * usual_s) {
      gaps.push_back({readings[i - 1].t_ns, readings[i].t_ns});
    }
  }
  return gaps;
}

}  // namespace aieb
