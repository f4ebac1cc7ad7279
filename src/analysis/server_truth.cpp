#include "analysis/server_truth.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "core/clock.h"

namespace aieb {
namespace {

/// Tokens may differ by this share before it is worth a warning.
constexpr double kTokenTolerance = 0.005;

using Readings = std::vector<const TraceEvent*>;

std::optional<double> number(const Json& data, const char* key) {
  const auto it = data.find(key);
  return it != data.end() && it->is_number() ? std::optional(it->get<double>()) : std::nullopt;
}

/// The readings with everything on them, right before and right after a span.
struct Bracket {
  const TraceEvent* before = nullptr;
  const TraceEvent* after = nullptr;
};

std::vector<Bracket> brackets(const Readings& readings, std::span<const TimeSpan> measured) {
  std::vector<Bracket> out;
  for (size_t i = 0; i < measured.size(); ++i) {
    const int64_t next =
        i + 1 < measured.size() ? measured[i + 1].start_ns : std::numeric_limits<int64_t>::max();
    Bracket bracket;
    for (const TraceEvent* reading : readings) {
      if (!reading->data.contains("histograms")) continue;
      if (reading->t_ns <= measured[i].start_ns) bracket.before = reading;
      // The last of several: the server counts a little after it answers.
      if (reading->t_ns >= measured[i].end_ns && reading->t_ns < next) bracket.after = reading;
    }
    if (bracket.before != nullptr && bracket.after != nullptr) out.push_back(bracket);
  }
  return out;
}

/// What a counter rose by; absent where it is not on the page or fell.
std::optional<double> rise(const std::vector<Bracket>& brackets, const char* key) {
  double sum = 0;
  for (const Bracket& bracket : brackets) {
    const auto before = number(bracket.before->data, key);
    const auto after = number(bracket.after->data, key);
    if (!before || !after || *after < *before) return std::nullopt;
    sum += *after - *before;
  }
  return brackets.empty() ? std::nullopt : std::optional(sum);
}

std::optional<int64_t> count_of(const std::optional<double>& value) {
  return value ? std::optional<int64_t>(std::llround(*value)) : std::nullopt;
}

std::optional<double> ratio(const std::optional<double>& part, const std::optional<double>& whole) {
  return part && whole && *whole > 0 ? std::optional(*part / *whole) : std::nullopt;
}

/// Observations by upper bound that came in between two readings of a histogram.
struct Bucket {
  double bound;
  double up_to;
};

std::vector<Bucket> buckets_between(const Json& before, const Json& after) {
  std::vector<Bucket> out;
  const Json& bounds = after["le"];
  if (before["le"] != bounds) return out;
  for (size_t i = 0; i < bounds.size(); ++i) {
    out.push_back(
        {bounds[i].is_null() ? std::numeric_limits<double>::infinity() : bounds[i].get<double>(),
         after["counts"][i].get<double>() - before["counts"][i].get<double>()});
  }
  return out;
}

/// As Prometheus' histogram_quantile: evenly spread within a bucket. Absent beyond the last bound.
std::optional<double> quantile(const std::vector<Bucket>& buckets, double q) {
  if (buckets.empty() || buckets.back().up_to <= 0) return std::nullopt;
  const double rank = q * buckets.back().up_to;
  double low = 0;
  double below = 0;
  for (const Bucket& bucket : buckets) {
    if (bucket.up_to >= rank && bucket.up_to > below) {
      if (!std::isfinite(bucket.bound)) return std::nullopt;
      return low + (bucket.bound - low) * (rank - below) / (bucket.up_to - below);
    }
    low = bucket.bound;
    below = bucket.up_to;
  }
  return std::nullopt;
}

/// Of one measured span; several are not merged.
void add_latencies(const std::vector<Bracket>& brackets, ServerTruth& out) {
  if (brackets.size() != 1) return;
  const Json& before = brackets.front().before->data["histograms"];
  for (const auto& [name, after] : brackets.front().after->data["histograms"].items()) {
    const auto it = before.find(name);
    if (it == before.end()) continue;
    const double count = after["count"].get<double>() - (*it)["count"].get<double>();
    const double sum = after["sum"].get<double>() - (*it)["sum"].get<double>();
    if (count <= 0 || sum < 0) continue;
    const std::vector<Bucket> buckets = buckets_between(*it, after);
    out.latencies[name] = {std::llround(count), sum / count, quantile(buckets, 0.5),
                           quantile(buckets, 0.9), quantile(buckets, 0.99)};
  }
}

struct Summary {
  double sum = 0;
  double max = 0;
  int64_t n = 0;

  void add(const std::optional<double>& value) {
    if (!value) return;
    sum += *value;
    max = n == 0 ? *value : std::max(max, *value);
    ++n;
  }
  [[nodiscard]] std::optional<double> mean() const {
    return n > 0 ? std::optional(sum / static_cast<double>(n)) : std::nullopt;
  }
  [[nodiscard]] std::optional<double> largest() const {
    return n > 0 ? std::optional(max) : std::nullopt;
  }
};

void add_gauges(const Readings& readings, std::span<const TimeSpan> measured, int64_t origin_ns,
                ServerTruth& out) {
  Summary running;
  Summary waiting;
  Summary kv;
  Summary acceptance;
  for (const TraceEvent* reading : readings) {
    const bool inside = std::any_of(measured.begin(), measured.end(), [&](const TimeSpan& span) {
      return reading->t_ns >= span.start_ns && reading->t_ns <= span.end_ns;
    });
    const auto runs = number(reading->data, "running");
    const auto waits = number(reading->data, "waiting");
    if (runs && waits) {
      out.t_s.push_back(seconds(reading->t_ns - origin_ns));
      out.running.push_back(*runs);
      out.waiting.push_back(*waits);
    }
    if (!inside) continue;
    ++out.readings;
    running.add(runs);
    waiting.add(waits);
    kv.add(number(reading->data, "kv_usage"));
    acceptance.add(number(reading->data, "draft_acceptance"));
  }
  out.mean_running = running.mean();
  out.max_running = running.largest();
  out.mean_waiting = waiting.mean();
  out.max_waiting = waiting.largest();
  out.mean_kv_usage = kv.mean();
  out.max_kv_usage = kv.largest();
  out.draft_acceptance = acceptance.mean();
}

std::string percent_text(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

/// Why the server may have counted other tokens than we received.
std::string token_warning(const char* what, int64_t server, int64_t ours) {
  const double difference =
      static_cast<double>(server - ours) / static_cast<double>(std::max<int64_t>(1, ours));
  if (std::abs(difference) <= kTokenTolerance) return "";
  std::string text = "the server counted " + std::to_string(server) + " " + what +
                     " tokens while measuring and the answers hold " + std::to_string(ours) + " (";
  text += difference > 0 ? "+" : "";
  text += percent_text(difference) + "): ";
  return text + (difference > 0
                     ? "other clients use it too, and their energy is part of the result"
                     : "tokens were lost on the way, or its page is not of the server that answers "
                       "(a load balancer)");
}

}  // namespace

std::optional<ServerTruth> server_truth(const Trace& trace, std::span<const TimeSpan> measured,
                                        int64_t origin_ns) {
  Readings readings;
  for (const TraceEvent& event : trace.events) {
    if (event.kind == "server_metrics" && event.data.is_object()) readings.push_back(&event);
  }
  if (readings.empty()) return std::nullopt;
  std::stable_sort(readings.begin(), readings.end(),
                   [](const auto* a, const auto* b) { return a->t_ns < b->t_ns; });
  ServerTruth out;
  out.engine = readings.back()->data.value("engine", "");
  out.url = readings.back()->data.value("url", "");
  add_gauges(readings, measured, origin_ns, out);
  const std::vector<Bracket> spans = brackets(readings, measured);
  if (spans.size() < measured.size()) return out;
  out.prompt_tokens = count_of(rise(spans, "prompt_tokens"));
  out.output_tokens = count_of(rise(spans, "output_tokens"));
  out.finished_requests = count_of(rise(spans, "finished_requests"));
  out.preemptions = count_of(rise(spans, "preemptions"));
  out.prefix_hit_rate = ratio(rise(spans, "prefix_hits"), rise(spans, "prefix_queries"));
  if (const auto accepted = ratio(rise(spans, "accepted_tokens"), rise(spans, "drafted_tokens"))) {
    out.draft_acceptance = accepted;
  }
  add_latencies(spans, out);
  return out;
}

std::vector<std::string> server_warnings(const ServerTruth& server, const Results& results) {
  std::vector<std::string> out;
  // Tokens of requests that failed or were cancelled are not known here.
  const bool all_answered = results.successful_prompts == results.total_prompts;
  if (!all_answered) return out;
  const std::pair<const char*,
                  std::pair<const std::optional<int64_t>*, const std::optional<int64_t>*>>
      kinds[] = {{"prompt", {&server.prompt_tokens, &results.prompt_tokens}},
                 {"output", {&server.output_tokens, &results.output_tokens}}};
  for (const auto& [what, counts] : kinds) {
    const auto& [theirs, ours] = counts;
    if (!*theirs || !*ours) continue;
    std::string text = token_warning(what, **theirs, **ours);
    if (!text.empty()) out.push_back(std::move(text));
  }
  if (server.preemptions.value_or(0) > 0) {
    out.push_back("the server preempted requests " + std::to_string(*server.preemptions) +
                  " times while measuring: its KV cache was full, and their work was done twice. "
                  "Lower the load or give it more memory");
  }
  return out;
}

}  // namespace aieb
