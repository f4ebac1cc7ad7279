#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace aieb {

/// What the energy at a time may be off by at which a curve has no edge: at the begin or end of a
/// request while others run, or too near to another for the sensor to tell them apart.
///
/// Between two updates, h apart, the curve is straight. If the power changes there by ΔP, at the
/// time itself, x after the one update and y before the other, it is off by ΔP·x·y/h (counter),
/// by ΔP·y/2 for what begins and ΔP·x/2 for what ends there (gauge), and by ΔP·W/8 where values are
/// means over a time W much longer than h. What begins with a step up and ends with a step down
/// loses at both ends, so that half of the square is taken: 2σ of both is then at least their sum.
class LooseEdges {
 public:
  enum class Sensor { kCounter, kGauge, kMeans };

  LooseEdges() = default;
  /// `means_over_s`: W, of `kMeans`.
  explicit LooseEdges(Sensor sensor, double means_over_s = 0)
      : sensor_(sensor), means_over_s_(means_over_s) {}

  /// From `start_ns` until the next interval, in time order. `step_w`: by how much the power may
  /// change in it; `time_variance`: what the times of the updates may be off by, in J².
  void add(int64_t start_ns, double step_w, double time_variance) {
    intervals_.push_back({start_ns, step_w, time_variance});
  }
  /// The end of the last interval.
  void close(int64_t end_ns) { intervals_.push_back({end_ns, 0, 0}); }

  /// In J². Times beyond the intervals are treated as in the middle of the nearest.
  [[nodiscard]] double variance(int64_t t_ns, bool begins) const;

 private:
  struct Interval {
    int64_t start_ns;
    double step_w;
    double time_variance;
  };
  Sensor sensor_ = Sensor::kCounter;
  double means_over_s_ = 0;
  std::vector<Interval> intervals_;
};

}  // namespace aieb
