#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/events.h"
#include "meters/energy_counter.h"

namespace aieb {

/// What a meter noticed, until the sampler takes it. Not thread-safe.
class EventLog {
 public:
  void add(std::string kind, Json data);

  /// A read failed: event "sensor_error" at the first failure of a series, none after it.
  void failed(const std::string& sensor, const std::string& why);
  /// A read worked: event "sensor_recovered" after a series of failures, with their number.
  void worked(const std::string& sensor);

  /// The event of a step of a counter, if it needs one.
  void counter_step(const std::string& sensor, EnergyCounter::Step step,
                    const EnergyCounter& counter);

  std::vector<TraceEvent> take();

 private:
  std::vector<TraceEvent> events_;
  std::map<std::string, int64_t> failures_;  ///< by sensor: failed reads in a row
};

}  // namespace aieb
