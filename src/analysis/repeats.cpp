#include "analysis/repeats.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <optional>

#include "analysis/event_warnings.h"
#include "analysis/footprint.h"
#include "analysis/statistics.h"
#include "core/clock.h"

namespace aieb {
namespace {

constexpr size_t kLeastForOutliers = 4;
constexpr double kOutlierScore = 3.5;
constexpr double kNormalMad = 0.6745;  ///< MAD of a normal distribution of standard deviation 1
constexpr double kLeastDeviation = 0.01;

std::string text(const char* format, double value) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value);
  return buffer.data();
}

/// Sums and means of the answered requests of one phase.
class Answers {
 public:
  void add(const RequestResult& request, RepeatResult& repeat) {
    ++repeat.prompts;
    if (request.record.status != RequestStatus::kOk) return;
    ++repeat.successful_prompts;
    if (request.record.output_tokens) {
      tokens_ += *request.record.output_tokens;
    } else {
      counted_ = false;
    }
    for (size_t i = 0; i < kLatencies.size(); ++i) {
      if (const auto& value = request.*kLatencies[i].of_request) values_[i].push_back(*value);
    }
  }

  void finish(RepeatResult& repeat) {
    if (counted_ && repeat.successful_prompts > 0) repeat.output_tokens = tokens_;
    for (size_t i = 0; i < kLatencies.size(); ++i) {
      if (const auto d = summarize(std::move(values_[i]))) repeat.*kLatencies[i].mean = d->mean;
    }
    if (repeat.duration_s <= 0) return;
    repeat.throughput_prompts_per_s =
        static_cast<double>(repeat.successful_prompts) / repeat.duration_s;
    if (repeat.output_tokens) {
      repeat.output_tokens_per_s = static_cast<double>(*repeat.output_tokens) / repeat.duration_s;
    }
  }

 private:
  struct Latency {
    std::optional<double> RequestResult::* of_request;
    std::optional<double> RepeatResult::* mean;
  };
  static constexpr std::array kLatencies = {
      Latency{&RequestResult::ttft_s, &RepeatResult::ttft_s},
      Latency{&RequestResult::tpot_s, &RepeatResult::tpot_s},
      Latency{&RequestResult::latency_s, &RepeatResult::e2e_s},
  };

  int64_t tokens_ = 0;
  bool counted_ = true;
  std::array<std::vector<double>, 3> values_;
};

Quantity gpu_part(const WindowEnergy& window) {
  const auto found = window.components.find(Component::kGpu);
  return found == window.components.end() ? Quantity::missing("J", "no GPU was measured")
                                          : found->second.gross;
}

void add_energy(const RepeatInputs& in, const ComponentPlan& plan, const TimeSpan& span,
                RepeatResult& repeat) {
  const WindowEnergy window = window_energy(in.sources, plan, std::span(&span, 1), in.baselines);
  repeat.energy = window.total.gross;
  repeat.gpu_energy = gpu_part(window);
  repeat.energy_per_output_token =
      per_count(repeat.energy, repeat.output_tokens, "the number of output tokens is not known");
  repeat.energy_per_request =
      per_count(repeat.energy, repeat.successful_prompts, "no request was successful");
}

// --- flags -------------------------------------------------------------------------------------

/// Numbers of a repeat in which it may be an outlier.
struct Judged {
  const char* label;
  std::function<Quantity(const RepeatResult&)> of;
};

Quantity speed(const RepeatResult& r) {
  Quantity out = Quantity::missing("1/s", "not observed");
  out.value = r.output_tokens_per_s ? r.output_tokens_per_s : r.throughput_prompts_per_s;
  return out;
}

std::vector<Judged> judged(bool gpu_only) {
  if (!gpu_only) {
    return {{"energy per output token",
             [](const RepeatResult& r) {
               if (r.energy_per_output_token.known()) return r.energy_per_output_token;
               return r.energy_per_request.known() ? r.energy_per_request : r.energy;
             }},
            {"throughput", speed}};
  }
  return {{"GPU energy per output token",
           [](const RepeatResult& r) {
             const Quantity per_token = per_count(r.gpu_energy, r.output_tokens, "");
             return per_token.known() ? per_token : r.gpu_energy;
           }},
          {"throughput", speed}};
}

void flag_outliers(const Judged& number, std::vector<RepeatResult>& repeats) {
  std::vector<double> values;
  for (const RepeatResult& repeat : repeats) {
    const Quantity q = number.of(repeat);
    if (q.known()) values.push_back(*q.value);
  }
  if (values.size() < kLeastForOutliers) return;
  const double middle = median(values);
  std::vector<double> distances;
  for (const double value : values) distances.push_back(std::abs(value - middle));
  const double mad = median(distances);
  for (RepeatResult& repeat : repeats) {
    const Quantity q = number.of(repeat);
    if (!q.known()) continue;
    const double distance = std::abs(*q.value - middle);
    const double noise = std::max(kLeastDeviation * std::abs(middle), q.random);
    if (distance <= noise || kNormalMad * distance <= kOutlierScore * mad) continue;
    repeat.flags.push_back({"outlier", std::string(number.label) + " is " +
                                           text("%+.1f", 100 * (*q.value / middle - 1)) +
                                           " % from the repeats' median"});
  }
}

void flag_throttling(const Trace& trace, const TimeSpan& span, RepeatResult& repeat) {
  for (const auto& [gpu, reasons] :
       listed_during(trace, "throttle", "reasons", std::span(&span, 1))) {
    std::string names;
    for (const std::string& reason : reasons) names += (names.empty() ? "" : ", ") + reason;
    repeat.flags.push_back(
        {"throttled", "GPU " + std::to_string(gpu) + " was throttled (" + names + ")"});
  }
}

/// What the run noted on the way to a repeat.
void flag_events(const Trace& trace, RepeatResult& repeat) {
  for (const TraceEvent& event : trace.events) {
    if (!event.data.is_object() || event.data.value("repeat", -1) != repeat.repeat) continue;
    if (event.kind == "cooldown" && !event.data.value("reached", true)) {
      repeat.flags.push_back({"warm", event.data.value("text", "the GPUs had not cooled down")});
    }
    if (event.kind == "warmup" && !event.data.value("stable", true)) {
      repeat.flags.push_back({"unstable", event.data.value("text", "the warm-up was not stable")});
    }
  }
}

void flag_length(const Json& protocol, RepeatResult& repeat) {
  if (!protocol.is_object() || protocol.value("window", "measure") != "measure") return;
  const double least_s = protocol.value("min_window_s", 0.0);
  if (repeat.duration_s >= least_s) return;
  repeat.flags.push_back({"short", "it lasted " + text("%.1f", repeat.duration_s) +
                                       " s, the protocol needs " + text("%g", least_s) + " s"});
}

}  // namespace

std::vector<RepeatResult> summarize_repeats(const RepeatInputs& in) {
  std::vector<RepeatResult> repeats(in.measured.size());
  std::vector<Answers> answers(in.measured.size());
  const ComponentPlan plan = plan_components(in.trace, in.sources);
  const Json protocol = in.trace.meta_json(meta::kProtocol);
  const int64_t origin_ns = in.trace.phases.empty() ? 0 : in.trace.phases.front().start_ns;
  for (size_t i = 0; i < in.requests.size(); ++i) {
    const size_t phase = in.phase_of_request[i];
    answers[phase].add(in.requests[i], repeats[phase]);
  }
  for (size_t i = 0; i < repeats.size(); ++i) {
    RepeatResult& repeat = repeats[i];
    const TimeSpan& span = in.measured[i];
    repeat.repeat = static_cast<int>(i);
    repeat.start_s = seconds(span.start_ns - origin_ns);
    repeat.duration_s = seconds(span.end_ns - span.start_ns);
    answers[i].finish(repeat);
    add_energy(in, plan, span, repeat);
    flag_length(protocol, repeat);
    flag_throttling(in.trace, span, repeat);
    flag_events(in.trace, repeat);
    if (repeat.successful_prompts < repeat.prompts) {
      const int64_t failed = repeat.prompts - repeat.successful_prompts;
      repeat.flags.push_back({"failed", std::to_string(failed) + " prompts were not answered"});
    }
  }
  const bool gpu_only = protocol.is_object() && protocol.value("energy", "") == "gpu";
  for (const Judged& number : judged(gpu_only)) flag_outliers(number, repeats);
  return repeats;
}

std::vector<std::string> repeat_warnings(const Results& results) {
  std::vector<std::string> out;
  const std::string of =
      results.repeats.size() > 1 ? " of " + std::to_string(results.repeats.size()) : std::string();
  for (const RepeatResult& repeat : results.repeats) {
    for (const RepeatFlag& flag : repeat.flags) {
      if (flag.kind == "throttled" || flag.kind == "failed") continue;  // told of the whole run
      out.push_back("repeat " + std::to_string(repeat.repeat + 1) + of + " is flagged (" +
                    flag.kind + "): " + flag.text + "; it is part of every mean");
    }
  }
  const Json fields = results.protocol.value("fields", Json::object());
  if (fields.value("window", "measure") != "steady_state") return out;
  const double least_s = fields.value("min_window_s", 0.0);
  const double steady_s = results.steady_state ? results.steady_state->duration_s : 0;
  if (steady_s < least_s * static_cast<double>(std::max<size_t>(1, results.repeats.size()))) {
    out.push_back("the load was full for " + text("%.1f", steady_s) + " s, the protocol needs " +
                  text("%g", least_s) +
                  " s a repeat: raise scenario.num_samples, or set "
                  "scenario.load.mode: closed and its concurrency");
  }
  return out;
}

}  // namespace aieb
