#include "analysis/exporters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "analysis/sources.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// New values of an exporter that a window should hold at least.
constexpr double kLeastUpdates = 6;

/// Seconds to two digits or so: "0.25", "30".
std::string seconds_text(double s) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2g", s);
  return s < 100 ? text.data() : std::to_string(std::lround(s));
}

bool is_about(const TraceEvent& event, const char* kind, const char* key,
              const std::string& meter) {
  return event.kind == kind && event.data.is_object() && event.data.value(key, "") == meter;
}

/// Times at which a domain showed another value than before.
void add_changes(std::span<const Sample> samples, std::vector<int64_t>& times) {
  for (size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].value != samples[i - 1].value) times.push_back(samples[i].t_ns);
  }
}

/// Usual time between new values. An exporter renews its page as a whole, so that a gauge that
/// happens to stay is judged by its neighbours; counters always move. With fewer than two changes
/// all that is known is that it takes longer than the recording.
double observed_update_s(const Trace& trace, const Domain& domain) {
  std::vector<int64_t> times;
  int64_t first = INT64_MAX;
  int64_t last = 0;
  for (const Domain& other : trace.domains) {
    const bool alike = other.meter == domain.meter && other.component == domain.component &&
                       other.unit == domain.unit;
    if (!alike) continue;
    const auto samples = samples_of(trace, other.id);
    if (samples.empty()) continue;
    first = std::min(first, samples.front().t_ns);
    last = std::max(last, samples.back().t_ns);
    add_changes(samples, times);
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  if (times.size() < 3) return last > first ? seconds(last - first) : 0;
  std::vector<Reading> changes;
  for (const int64_t t : times) changes.push_back({t, 0});
  return usual_spacing_s(changes);
}

/// The last failure to read the exporter that nothing recovered from.
std::string standing_failure(const Trace& trace, const std::string& meter) {
  std::string failure;
  for (const TraceEvent& event : trace.events) {
    if (is_about(event, "sensor_error", "sensor", meter)) failure = event.data.value("error", "");
    if (is_about(event, "sensor_recovered", "sensor", meter)) failure.clear();
  }
  return failure;
}

/// The largest h of the values in a span of time. h is told when a page has come, of values that
/// may be 2 h older; it holds until it is told anew. What was told first holds for the time before,
/// too.
double clock_half_width_s(const Trace& trace, const std::string& meter, const TimeSpan& span) {
  std::optional<double> before;  ///< holds where the span begins
  double largest = 0;
  for (const TraceEvent& event : trace.events) {
    if (!is_about(event, "clock_offset", "meter", meter)) continue;
    const double half_width = event.data.value("half_width_s", 0.0);
    const int64_t since_ns = event.t_ns - nanoseconds(2 * half_width);
    if (before && since_ns > span.end_ns) continue;
    if (!before || event.t_ns <= span.start_ns) {
      before = half_width;
    } else {
      largest = std::max(largest, half_width);
    }
  }
  return std::max(largest, before.value_or(0));
}

}  // namespace

std::optional<ExporterFacts> exporter_of(const Trace& trace, const Domain& domain) {
  const auto it = std::find_if(
      trace.events.begin(), trace.events.end(),
      [&](const TraceEvent& event) { return is_about(event, "exporter", "meter", domain.meter); });
  if (it == trace.events.end()) return std::nullopt;
  ExporterFacts facts;
  facts.remedy = it->data.value("if_too_coarse", "");
  facts.failure = standing_failure(trace, domain.meter);
  const Json configured = it->data.value("update_s", Json());
  facts.update_s =
      configured.is_number() ? configured.get<double>() : observed_update_s(trace, domain);
  return facts;
}

std::string too_coarse(const DomainEnergy& domain, const ExporterFacts& exporter,
                       std::span<const TimeSpan> windows) {
  if (windows.empty()) return "";
  double shortest_s = seconds(windows.front().end_ns - windows.front().start_ns);
  for (const TimeSpan& window : windows) {
    shortest_s = std::min(shortest_s, seconds(window.end_ns - window.start_ns));
  }
  const double needed_s = kLeastUpdates * domain.period_s;
  if (shortest_s >= needed_s) return "";
  return label_of(domain.domain) + " has a new value only every " + seconds_text(domain.period_s) +
         " s, too seldom for a window of " + seconds_text(shortest_s) + " s: " + exporter.remedy +
         ", or measure for " + seconds_text(needed_s) + " s or longer";
}

void add_clock_error(DomainEnergy& domain, const Trace& trace,
                     std::span<const int64_t> window_edges) {
  if (!domain.unusable.empty()) return;
  constexpr int64_t kSameTime_ns = 100;
  const auto of_window = [&](int64_t t_ns) {
    return std::any_of(window_edges.begin(), window_edges.end(),
                       [t_ns](int64_t t) { return std::abs(t - t_ns) <= kSameTime_ns; });
  };
  for (EdgeError& edge : domain.edges) {
    if (!of_window(edge.t_ns)) continue;
    const int64_t beside_ns = nanoseconds(domain.period_s);
    const double half_width = clock_half_width_s(trace, domain.domain.meter,
                                                 {edge.t_ns - beside_ns, edge.t_ns + beside_ns});
    domain.clock_half_width_s = std::max(domain.clock_half_width_s, half_width);
    const double span_s = std::max(2 * domain.period_s, 3 * half_width);
    const int64_t span_ns = nanoseconds(span_s);
    if (span_ns <= 0) continue;
    const double before = domain.curve.between(edge.t_ns - span_ns, edge.t_ns) / span_s;
    const double after = domain.curve.between(edge.t_ns, edge.t_ns + span_ns) / span_s;
    const double sigma_j = half_width / std::sqrt(3.0) * (after - before);
    edge.variance_before += sigma_j * sigma_j;
    edge.variance_after += sigma_j * sigma_j;
  }
}

}  // namespace aieb
