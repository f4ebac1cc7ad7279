#include "analysis/steady_state.h"

#include <algorithm>
#include <utility>

#include "analysis/statistics.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// A request enters (+1) or leaves (−1) the flight.
struct Turn {
  int64_t t_ns = 0;
  int change = 0;
};

bool inside(const TimeSpan& span, int64_t t_ns) {
  return t_ns >= span.start_ns && t_ns <= span.end_ns;
}

/// Turns of the requests that were sent in the phase, in order. At one moment, who leaves goes
/// first: a request that is answered by the next one's sending does not count twice.
std::vector<Turn> turns_of(std::span<const RequestResult> requests, const TimeSpan& phase) {
  std::vector<Turn> turns;
  for (const RequestResult& request : requests) {
    const RequestRecord& r = request.record;
    if (!r.sent_ns || !inside(phase, *r.sent_ns)) continue;
    turns.push_back({*r.sent_ns, 1});
    turns.push_back({std::min(r.done_ns.value_or(phase.end_ns), phase.end_ns), -1});
  }
  std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) {
    return std::pair(a.t_ns, a.change) < std::pair(b.t_ns, b.change);
  });
  return turns;
}

/// From the first to the last moment with `limit` in flight.
std::optional<TimeSpan> span_at_limit(const std::vector<Turn>& turns, int64_t limit) {
  std::optional<TimeSpan> full;
  int64_t in_flight = 0;
  for (const Turn& turn : turns) {
    const bool was_full = in_flight >= limit;
    in_flight += turn.change;
    if (in_flight >= limit && !full) full = TimeSpan{turn.t_ns, turn.t_ns};
    if (was_full && full) full->end_ns = turn.t_ns;
  }
  return full;
}

/// From the beginning of the phase to its last sending.
std::optional<TimeSpan> span_of_sending(const std::vector<Turn>& turns, const TimeSpan& phase) {
  std::optional<TimeSpan> sending;
  for (const Turn& turn : turns) {
    if (turn.change > 0) sending = TimeSpan{phase.start_ns, turn.t_ns};
  }
  return sending;
}

const TimeSpan* span_around(const std::vector<TimeSpan>& spans, int64_t t_ns) {
  for (const TimeSpan& span : spans) {
    if (inside(span, t_ns)) return &span;
  }
  return nullptr;
}

/// Tokens of a request that arrived in the spans; absent if its arrivals were not recorded.
std::optional<int64_t> tokens_in(const RequestRecord& r, const std::vector<TimeSpan>& spans) {
  if (r.token_times.empty() && r.output_tokens.value_or(0) > 0) return std::nullopt;
  int64_t tokens = 0;
  for (const TokenArrival& arrival : r.token_times) {
    if (span_around(spans, arrival.t_ns) != nullptr) tokens += arrival.count;
  }
  return tokens;
}

/// Latencies of the requests that lie in the steady part.
struct Latencies {
  std::vector<double> ttft, tpot, e2e;

  void add(const RequestResult& request) {
    if (request.ttft_s) ttft.push_back(*request.ttft_s);
    if (request.tpot_s) tpot.push_back(*request.tpot_s);
    if (request.latency_s) e2e.push_back(*request.latency_s);
  }
};

}  // namespace

std::optional<LoadParts> cut_load(std::span<const RequestResult> requests,
                                  std::span<const TimeSpan> measured, int64_t limit) {
  LoadParts parts;
  parts.limit = limit;
  for (const TimeSpan& phase : measured) {
    const std::vector<Turn> turns = turns_of(requests, phase);
    const auto full = limit > 0 ? span_at_limit(turns, limit) : span_of_sending(turns, phase);
    if (!full || full->end_ns <= full->start_ns) continue;
    parts.ramp.push_back({phase.start_ns, full->start_ns});
    parts.steady.push_back(*full);
    parts.drain.push_back({full->end_ns, phase.end_ns});
  }
  return parts.steady.empty() ? std::nullopt : std::optional(std::move(parts));
}

SteadyState summarize_steady(std::span<const RequestResult> requests, const LoadParts& parts) {
  SteadyState out;
  out.limit = parts.limit;
  for (const TimeSpan& span : parts.steady) out.duration_s += seconds(span.end_ns - span.start_ns);
  Latencies latencies;
  out.output_tokens = 0;
  for (const RequestResult& request : requests) {
    const RequestRecord& r = request.record;
    const auto tokens = tokens_in(r, parts.steady);
    out.output_tokens =
        out.output_tokens && tokens ? std::optional(*out.output_tokens + *tokens) : std::nullopt;
    if (r.status != RequestStatus::kOk || !r.sent_ns || !r.done_ns) continue;
    const TimeSpan* span = span_around(parts.steady, *r.sent_ns);
    if (span == nullptr || *r.done_ns > span->end_ns) continue;
    ++out.requests;
    latencies.add(request);
  }
  out.ttft_s = summarize(std::move(latencies.ttft));
  out.tpot_s = summarize(std::move(latencies.tpot));
  out.e2e_s = summarize(std::move(latencies.e2e));
  if (out.output_tokens) {
    out.output_tokens_per_s = static_cast<double>(*out.output_tokens) / out.duration_s;
  }
  return out;
}

}  // namespace aieb
