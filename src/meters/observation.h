#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/events.h"
#include "meters/meter.h"

namespace aieb {

/// What one domain said while it was watched.
struct Observation {
  Domain domain;
  std::vector<Sample> samples;  ///< in time order

  /// Watts over the time watched: of a counter between its first and its last step, of a gauge or
  /// an estimate by the trapezoid rule. Absent with too few samples or steps.
  [[nodiscard]] std::optional<double> mean_power_w() const;

  /// Median time between two steps of the value, in seconds; absent with fewer than two steps.
  [[nodiscard]] std::optional<double> update_period_s() const;

  /// A counter that was read at least three times and never moved.
  [[nodiscard]] bool stuck() const;
};

/// Reads meters that measure energy or power (domains in J or W) every `pause_ns` for a while.
std::vector<Observation> observe(const std::vector<Meter*>& meters, int64_t duration_ns,
                                 int64_t pause_ns);

}  // namespace aieb
