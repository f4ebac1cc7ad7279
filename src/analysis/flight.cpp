#include "analysis/flight.h"

#include <algorithm>
#include <cmath>

#include "analysis/statistics.h"

namespace aieb {
namespace {

constexpr double kLeastDelayedPercentile = 5;

bool answered(const Flight& flight) {
  return flight.first_token_ns && flight.output_tokens.value_or(0) > 0;
}

bool counted(const Flight& flight) { return flight.computed_prompt_tokens && flight.output_tokens; }

/// Time that the server needs for one prompt token when nothing is in its way, in ns.
std::optional<double> prefill_ns_per_token(std::span<const Flight> flights) {
  std::vector<double> observed;
  for (const Flight& flight : flights) {
    if (!answered(flight) || flight.computed_prompt_tokens.value_or(0) <= 0) continue;
    observed.push_back(static_cast<double>(*flight.first_token_ns - flight.span.start_ns) /
                       static_cast<double>(*flight.computed_prompt_tokens));
  }
  if (observed.empty()) return std::nullopt;
  return percentile(observed, kLeastDelayedPercentile);
}

FlightStages stages_of(const Flight& flight, double ns_per_token) {
  const int64_t start = flight.span.start_ns;
  const int64_t end = std::max(start, flight.span.end_ns);
  const int64_t first = std::clamp(flight.first_token_ns.value_or(end), start, end);
  const auto prompt = static_cast<double>(flight.computed_prompt_tokens.value_or(0));
  const double needed_ns = std::ceil(prompt * ns_per_token);
  const int64_t computing = needed_ns < static_cast<double>(first - start)
                                ? first - static_cast<int64_t>(needed_ns)
                                : start;
  return {{start, computing},
          {{computing, first}, prompt},
          {{first, end}, static_cast<double>(flight.output_tokens.value_or(0))}};
}

}  // namespace

std::vector<int64_t> load_changes(std::span<const Flight> flights) {
  std::vector<TimeSpan> spans;
  for (const Flight& flight : flights) {
    if (flight.span.end_ns > flight.span.start_ns) spans.push_back(flight.span);
  }
  std::sort(spans.begin(), spans.end(),
            [](const TimeSpan& a, const TimeSpan& b) { return a.start_ns < b.start_ns; });
  std::vector<int64_t> changes;
  for (const TimeSpan& span : spans) {
    if (!changes.empty() && span.start_ns <= changes.back()) {
      changes.back() = std::max(changes.back(), span.end_ns);
    } else {
      changes.insert(changes.end(), {span.start_ns, span.end_ns});
    }
  }
  return changes;
}

std::optional<std::vector<FlightStages>> stages_of(std::span<const Flight> flights) {
  const bool unknown = std::any_of(flights.begin(), flights.end(), [](const Flight& flight) {
    return flight.first_token_ns && !counted(flight);
  });
  const std::optional<double> ns_per_token = prefill_ns_per_token(flights);
  if (unknown || !ns_per_token) return std::nullopt;
  std::vector<FlightStages> stages;
  stages.reserve(flights.size());
  for (const Flight& flight : flights) stages.push_back(stages_of(flight, *ns_per_token));
  return stages;
}

}  // namespace aieb
