#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "analysis/domain_energy.h"

namespace aieb {

/// The time `t_s` after `origin_ns`, to the nearest ns.
inline int64_t time_ns(int64_t origin_ns, double t_s) {
  return origin_ns + std::llround(t_s * 1e9);
}

/// Collects the points of an energy curve in time order and makes it strictly increasing in time
/// and never falling in energy.
class CurveBuilder {
 public:
  explicit CurveBuilder(int64_t origin_ns) : origin_ns_(origin_ns) {}

  /// Points of one time: the last one counts.
  void add(int64_t t_ns, double energy_j) { points_.push_back({t_ns, energy_j}); }
  void add_at(double t_s, double energy_j) { add(time_ns(origin_ns_, t_s), energy_j); }

  [[nodiscard]] EnergyCurve build();

 private:
  struct Point {
    int64_t t_ns;
    double energy_j;
  };
  int64_t origin_ns_;
  std::vector<Point> points_;
};

/// Edges in s after `origin_ns`, by time, each once.
std::vector<double> edges_in_seconds(std::span<const int64_t> edges_ns, int64_t origin_ns);

/// The same, and those of `load_changes_ns` that stand alone for a sensor of this period.
std::vector<double> edges_in_seconds(std::span<const int64_t> edges_ns,
                                     std::span<const int64_t> load_changes_ns, double period_s,
                                     int64_t origin_ns);

/// Spans between successive readings that are longer than `kGapPeriods` usual ones.
std::vector<TimeSpan> find_gaps(std::span<const Reading> readings);

}  // namespace aieb
