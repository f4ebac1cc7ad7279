#pragma once

#include <span>
#include <vector>

#include "analysis/readings.h"

namespace aieb {

/// A value together with the time at which the sensor took it.
struct Update {
  double t_s = 0;      ///< seconds after `SensorUpdates::origin_ns`
  double sigma_s = 0;  ///< standard deviation of t_s
  double value = 0;
};

struct SensorUpdates {
  int64_t origin_ns = 0;
  double period_s = 0;     ///< time between updates as found or declared; 0: at every reading
  bool staircase = false;  ///< read faster than it changes: the period was seen in the data
  std::vector<Update> updates;
};

/// Finds out when a sensor that holds its value took each of them.
///
/// A value first seen at reading i was taken after reading i − 1 and at most one update period
/// before reading i. Where the sensor is read faster than it changes, successive updates are one
/// period apart (within a tolerance), which narrows each interval by those of its neighbours: a
/// forward and a backward pass carry the possible interval along. What remains is taken as equally
/// likely everywhere, so sigma is its width over √12.
///
/// `kCounter`: a value that does not change was not updated. `kGauge`: it may have been updated to
/// the same value; a value that stays is then repeated once a period.
SensorUpdates find_updates(std::span<const Reading> readings, int64_t declared_period_ns,
                           DomainKind kind);

}  // namespace aieb
