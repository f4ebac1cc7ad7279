#include "analysis/event_warnings.h"

#include <algorithm>

namespace aieb {
namespace {

std::vector<TimeSpan> measured_spans(const Trace& trace) {
  std::vector<TimeSpan> spans;
  for (const Phase& phase : trace.phases) {
    if (phase.kind == PhaseKind::kMeasure) spans.push_back({phase.start_ns, phase.end_ns});
  }
  return spans;
}

bool overlaps(std::span<const TimeSpan> windows, int64_t from_ns, int64_t to_ns) {
  return std::any_of(windows.begin(), windows.end(), [&](const TimeSpan& window) {
    return to_ns >= window.start_ns && from_ns <= window.end_ns;
  });
}

/// One entry of an event's list in words: a string, or a process {pid, name}.
std::string in_words(const Json& entry) {
  if (entry.is_string()) return entry.get<std::string>();
  if (!entry.is_object()) return entry.dump();
  return entry.value("name", "?") + " (pid " + std::to_string(entry.value("pid", int64_t{0})) + ")";
}

std::string joined(const std::set<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

}  // namespace

std::map<int, std::set<std::string>> listed_during(const Trace& trace, const std::string& kind,
                                                   const char* list,
                                                   std::span<const TimeSpan> windows) {
  struct State {
    int64_t since_ns = 0;
    std::set<std::string> entries;
  };
  std::map<int, State> now;
  std::map<int, std::set<std::string>> out;
  const auto leave = [&](int gpu, const State& state, int64_t until_ns) {
    if (state.entries.empty() || !overlaps(windows, state.since_ns, until_ns)) return;
    out[gpu].insert(state.entries.begin(), state.entries.end());
  };
  for (const TraceEvent& event : trace.events) {
    if (event.kind != kind || !event.data.is_object()) continue;
    const int gpu = event.data.value("gpu", 0);
    leave(gpu, now[gpu], event.t_ns);
    now[gpu] = {event.t_ns, {}};
    for (const Json& entry : event.data.value(list, Json::array())) {
      now[gpu].entries.insert(in_words(entry));
    }
  }
  for (const auto& [gpu, state] : now) leave(gpu, state, INT64_MAX);
  return out;
}

std::vector<std::string> event_warnings(const Trace& trace) {
  std::vector<std::string> out;
  const std::vector<TimeSpan> measured = measured_spans(trace);
  for (const auto& [gpu, reasons] : listed_during(trace, "throttle", "reasons", measured)) {
    out.push_back("GPU " + std::to_string(gpu) + " was throttled while measuring (" +
                  joined(reasons) +
                  "): the results are not those of its full clock. Check its cooling and power "
                  "limit");
  }
  for (const auto& [gpu, processes] : listed_during(trace, "gpu_shared", "processes", measured)) {
    out.push_back("other processes used GPU " + std::to_string(gpu) + " while measuring (" +
                  joined(processes) + "): their energy is part of the result");
  }
  for (const TraceEvent& event : trace.events) {
    if (!event.data.is_object()) continue;
    if (event.kind == "mig") out.push_back(event.data.value("message", "MIG is enabled"));
    if (event.kind == "warning") out.push_back(event.data.value("text", event.data.dump()));
  }
  return out;
}

}  // namespace aieb
