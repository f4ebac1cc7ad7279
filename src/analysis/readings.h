#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/events.h"

namespace aieb {

/// A span of time on the trace's clock.
struct TimeSpan {
  int64_t start_ns = 0;
  int64_t end_ns = 0;
};

struct Reading {
  int64_t t_ns = 0;
  double value = 0;
};

/// Energy that a counter did not count: between two readings it was reset, wrapped unseen or
/// jumped. Filled in from the power on both sides.
struct Break {
  int64_t from_ns = 0;
  int64_t to_ns = 0;
  double sigma_j = 0;  ///< standard deviation of what was filled in
};

/// Readings of one domain without those that cannot be true, and what was wrong with it.
struct CleanReadings {
  std::vector<Reading> readings;  ///< in time order
  std::vector<Break> breaks;
  int64_t spikes = 0;  ///< readings dropped: impossible power, negative or not a number
};

/// More than one device of this component can draw, in W. Readings that imply more are wrong.
double plausible_power_w(Component component);

/// Energy readings in J. A reading that is far above or below both neighbours is dropped; a step
/// down, or up by more than the device can draw, is a break: the readings after it are shifted so
/// that the energy goes on at the mean power of the readings on both sides. `known_breaks`: times
/// (right after the reading) at which the meter itself said that energy was lost.
CleanReadings clean_counter(const Domain& domain, std::span<const Sample> samples,
                            std::span<const int64_t> known_breaks);

/// Power readings in W.
CleanReadings clean_gauge(const Domain& domain, std::span<const Sample> samples);

/// Usual time between successive readings in s: half of the time lies in longer gaps, half in
/// shorter ones, so that bursts of readings do not count for more than their time. 0 for fewer
/// than two.
double usual_spacing_s(std::span<const Reading> readings);

}  // namespace aieb
