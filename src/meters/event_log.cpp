#include "meters/event_log.h"

#include <utility>

#include "core/clock.h"

namespace aieb {

void EventLog::add(std::string kind, Json data) {
  events_.push_back({now_ns(), std::move(kind), std::move(data)});
}

void EventLog::failed(const std::string& sensor, const std::string& why) {
  if (++failures_[sensor] == 1) add("sensor_error", {{"sensor", sensor}, {"error", why}});
}

void EventLog::worked(const std::string& sensor) {
  if (failures_.empty()) return;
  const auto it = failures_.find(sensor);
  if (it == failures_.end()) return;
  add("sensor_recovered", {{"sensor", sensor}, {"failed_reads", it->second}});
  failures_.erase(it);
}

void EventLog::counter_step(const std::string& sensor, EnergyCounter::Step step,
                            const EnergyCounter& counter) {
  const std::string_view kind = event_kind(step);
  if (kind.empty()) return;
  add(std::string(kind),
      {{"sensor", sensor}, {"wraps", counter.wraps()}, {"joules_so_far", counter.joules()}});
}

std::vector<TraceEvent> EventLog::take() { return std::exchange(events_, {}); }

}  // namespace aieb
