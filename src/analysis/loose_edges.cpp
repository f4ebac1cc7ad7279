#include "analysis/loose_edges.h"

#include <algorithm>

#include "core/clock.h"

namespace aieb {

double LooseEdges::variance(int64_t t_ns, bool begins) const {
  if (intervals_.size() < 2) return 0;
  const auto after =
      std::upper_bound(intervals_.begin(), intervals_.end(), t_ns,
                       [](int64_t t, const Interval& interval) { return t < interval.start_ns; });
  const auto last = static_cast<std::ptrdiff_t>(intervals_.size()) - 2;
  const auto i = std::clamp<std::ptrdiff_t>(after - intervals_.begin() - 1, 0, last);
  const Interval& interval = intervals_[i];
  const double h = seconds(intervals_[i + 1].start_ns - interval.start_ns);
  double x = seconds(t_ns - interval.start_ns);
  if (x < 0 || x > h) x = h / 2;
  double off_s = 0;
  switch (sensor_) {
    case Sensor::kCounter:
      off_s = h > 0 ? x * (h - x) / h : 0;
      break;
    case Sensor::kGauge:
      off_s = (begins ? h - x : x) / 2;
      break;
    case Sensor::kMeans:
      off_s = means_over_s_ / 8;
      break;
  }
  const double off_j = interval.step_w * off_s;
  return off_j * off_j / 2 + interval.time_variance;
}

}  // namespace aieb
