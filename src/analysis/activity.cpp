#include "analysis/activity.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "analysis/sources.h"

namespace aieb {
namespace {

struct Row {
  std::string_view domain;
  std::optional<double> HostActivity::* member;
};
constexpr Row kRows[] = {
    {"network/received", &HostActivity::network_received_bytes},
    {"network/sent", &HostActivity::network_sent_bytes},
    {"disk/read", &HostActivity::disk_read_bytes},
    {"disk/written", &HostActivity::disk_written_bytes},
    {"memory/total", &HostActivity::memory_bytes},
    {"memory/read", &HostActivity::memory_read_bytes},
    {"memory/written", &HostActivity::memory_written_bytes},
};

/// The counter at a time, between the readings around it; before the first and after the last the
/// nearest one, as marks are read just before and after a phase.
double value_at(std::span<const Sample> samples, int64_t t_ns) {
  const auto after = std::upper_bound(samples.begin(), samples.end(), t_ns,
                                      [](int64_t t, const Sample& s) { return t < s.t_ns; });
  if (after == samples.begin()) return samples.front().value;
  if (after == samples.end()) return samples.back().value;
  const Sample& before = *(after - 1);
  const double share =
      static_cast<double>(t_ns - before.t_ns) / static_cast<double>(after->t_ns - before.t_ns);
  return before.value + share * (after->value - before.value);
}

std::optional<double> moved(std::span<const Sample> samples, std::span<const TimeSpan> windows) {
  double sum = 0;
  bool covered = false;
  for (const TimeSpan& window : windows) {
    const auto inside = [&](const Sample& s) {
      return s.t_ns >= window.start_ns && s.t_ns <= window.end_ns;
    };
    const bool around = !samples.empty() && samples.front().t_ns <= window.start_ns &&
                        samples.back().t_ns >= window.end_ns;
    if (!around && std::count_if(samples.begin(), samples.end(), inside) < 2) continue;
    sum += value_at(samples, window.end_ns) - value_at(samples, window.start_ns);
    covered = true;
  }
  return covered ? std::optional(sum) : std::nullopt;
}

}  // namespace

HostActivity host_activity(const Trace& trace, std::span<const TimeSpan> windows) {
  HostActivity out;
  for (const Domain& domain : trace.domains) {
    if (domain.meter != "activity") continue;
    for (const Row& row : kRows) {
      if (domain.name == row.domain) out.*row.member = moved(samples_of(trace, domain.id), windows);
    }
  }
  if (!out.memory_bytes && out.memory_read_bytes && out.memory_written_bytes) {
    out.memory_bytes = *out.memory_read_bytes + *out.memory_written_bytes;
  }
  return out;
}

std::map<std::string, std::string> why_no_activity(const Trace& trace) {
  std::map<std::string, std::string> reasons;
  for (const TraceEvent& event : trace.events) {
    if (event.kind != "activity_missing" || !event.data.is_object()) continue;
    const std::string fix = event.data.value("fix", "");
    reasons[event.data.value("what", "")] =
        event.data.value("reason", "") + (fix.empty() ? "" : "; to read it: " + fix);
  }
  return reasons;
}

}  // namespace aieb
