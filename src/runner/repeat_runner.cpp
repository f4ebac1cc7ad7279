#include "runner/repeat_runner.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "analysis/statistics.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/stop.h"
#include "runner/passes.h"
#include "runner/request_series.h"

namespace aieb {
namespace {

constexpr double kTemperaturePoll_s = 0.1;

std::span<const double> last_of(std::span<const double> values, int window) {
  return values.last(std::min(values.size(), static_cast<size_t>(window)));
}

double warmest(const std::map<int, double>& temperatures) {
  double out = temperatures.begin()->second;
  for (const auto& [gpu, value] : temperatures) out = std::max(out, value);
  return out;
}

Json as_json(const std::map<int, double>& temperatures) {
  Json out = Json::object();
  for (const auto& [gpu, value] : temperatures) out["gpu" + std::to_string(gpu)] = value;
  return out;
}

/// What is known of a measure phase before it begins.
ExpectedLength measure_length(const Plan& plan) {
  const LoadPlan& load = plan.measure.load;
  const double least_s = plan.protocol.short_window == "extend" ? plan.protocol.min_window_s : 0;
  if (load.duration_ns) {
    const double once_s = seconds(*load.duration_ns);
    return {.duration_s =
                once_s > 0 ? once_s * std::max(1.0, std::ceil(least_s / once_s)) : once_s};
  }
  return {.prompts = planned_requests(plan.measure).value_or(load.max_requests.value_or(0)),
          .at_least_s = least_s};
}

}  // namespace

bool is_stable(std::span<const double> rates, int window, double limit) {
  if (rates.size() < static_cast<size_t>(window)) return false;
  const auto cv = coefficient_of_variation(last_of(rates, window));
  return cv && *cv <= limit;
}

std::optional<Error> RepeatRunner::execute() {
  for (int repeat = 0; repeat < parts_.plan.protocol.repeats; ++repeat) {
    if (!stopped()) cool_down(repeat);
    if (!stopped()) warm_up(repeat);
    if (stopped() || failure_) break;
    measure(repeat);
    if (failure_) break;
  }
  return failure_;
}

void RepeatRunner::cool_down(int repeat) {
  const Protocol& protocol = parts_.plan.protocol;
  if (!protocol.cooldown_c) return;
  parts_.progress.begin("cooling down");
  const PhaseScope phase(parts_.phases, PhaseKind::kCooldown, repeat);
  if (parts_.watch.temperatures().empty()) {
    if (repeat == 0) {
      note("cooldown", {{"repeat", repeat},
                        {"text", "no GPU temperature is read: there is nothing to wait for"}});
    }
    return;
  }
  const auto warm = [&] { return warmest(parts_.watch.temperatures()) > *protocol.cooldown_c; };
  while (warm() && phase.elapsed_s() < protocol.cooldown_timeout_s && !stopped()) {
    sleep_unless_stopped(kTemperaturePoll_s, parts_.stop);
  }
  const double reached_c = warmest(parts_.watch.temperatures());
  note("cooldown", {{"repeat", repeat},
                    {"reached", !warm()},
                    {"waited_s", phase.elapsed_s()},
                    {"temperatures_c", as_json(parts_.watch.temperatures())},
                    {"text", fmt::format("it began at {:g} °C after {:.0f} s of cooling down, the "
                                         "protocol asks for {:g} °C",
                                         reached_c, phase.elapsed_s(), *protocol.cooldown_c)}});
}

/// One round of warm-up; its throughput in tokens (or requests) per second.
double RepeatRunner::warm_up_once() {
  parts_.watch.restart();
  const int64_t start_ns = now_ns();
  RunContext context{parts_.sink, parts_.stop, 0};
  const Workload round =
      pass_of(parts_.plan.warmup, warmup_rounds_++, free_id(), parts_.plan.salt_passes);
  parts_.backend.run(round, context);
  const double elapsed_s = seconds(now_ns() - start_ns);
  return elapsed_s > 0 ? static_cast<double>(parts_.watch.work()) / elapsed_s : 0;
}

void RepeatRunner::warm_up(int repeat) {
  const Plan& plan = parts_.plan;
  if (plan.warmup.requests.empty()) return;
  parts_.progress.begin("warm-up", {.prompts = static_cast<int64_t>(plan.warmup.requests.size())});
  const PhaseScope phase(parts_.phases, PhaseKind::kWarmup, repeat);
  const Protocol& protocol = plan.protocol;
  std::vector<double> rates = {warm_up_once()};
  if (!protocol.warmup_cv) return;
  const auto stable = [&] { return is_stable(rates, protocol.warmup_window, *protocol.warmup_cv); };
  while (!stable() && rates.size() < static_cast<size_t>(protocol.max_warmup_rounds) &&
         !stopped()) {
    rates.push_back(warm_up_once());
  }
  const auto cv = coefficient_of_variation(last_of(rates, protocol.warmup_window));
  note("warmup",
       {{"repeat", repeat},
        {"rounds", rates.size()},
        {"cv", cv ? Json(*cv) : Json()},
        {"stable", stable()},
        {"text", cv ? fmt::format("after {} rounds of warm-up the throughput still varied by "
                                  "{:.1f} %, the protocol allows {:.1f} %",
                                  rates.size(), 100 * *cv, 100 * *protocol.warmup_cv)
                    : fmt::format("{} rounds of warm-up say nothing about how much the throughput "
                                  "varies: too few of them were answered",
                                  rates.size())}});
}

/// What goes wrong here ends the measurement, not the results: every finished request counts.
void RepeatRunner::measure(int repeat) {
  const Plan& plan = parts_.plan;
  const std::string of =
      plan.protocol.repeats > 1 ? fmt::format(" {} of {}", repeat + 1, plan.protocol.repeats) : "";
  parts_.progress.begin("measuring" + of, measure_length(plan));
  parts_.before_measure();
  double length_s = 0;
  int passes = 0;
  const double pause_s = plan.pauses_s.at(static_cast<size_t>(repeat));
  {
    const PhaseScope phase(parts_.phases, PhaseKind::kMeasure, repeat, pause_s);
    passes = run_passes(repeat, phase);
    length_s = phase.elapsed_s();
  }
  parts_.after_measure();
  note("repeat", {{"repeat", repeat}, {"pause_s", pause_s}, {"passes", passes}});
  const Protocol& protocol = plan.protocol;
  if (protocol.short_window == "refuse" && length_s < protocol.min_window_s && !stopped() &&
      !failure_) {
    failure_ = ConfigError(fmt::format(
        "repeat {} lasted {:.2f} s and metrics.protocol refuses windows below {:g} s: raise "
        "scenario.num_samples or max_new_tokens, or set short_window: extend",
        repeat + 1, length_s, protocol.min_window_s));
  }
}

/// Asks the prompts, and again until the window is long enough. Ends when a pass answers nothing.
int RepeatRunner::run_passes(int repeat, const PhaseScope& phase) {
  const Protocol& protocol = parts_.plan.protocol;
  RunContext context{parts_.sink, parts_.stop, repeat};
  int passes = 0;
  try {
    do {
      parts_.watch.restart();
      const Workload pass =
          pass_of(parts_.plan.measure, passes_++, free_id(), parts_.plan.salt_passes);
      parts_.backend.run(pass, context);
      ++passes;
    } while (protocol.short_window == "extend" && phase.elapsed_s() < protocol.min_window_s &&
             parts_.watch.answered() > 0 && !stopped());
  } catch (const Error& error) {
    failure_ = error;
    note("error", {{"text", error.what()}});
  }
  return passes;
}

int64_t RepeatRunner::free_id() const {
  const Plan& plan = parts_.plan;
  return parts_.watch.free_id(
      static_cast<int64_t>(plan.measure.requests.size() + plan.warmup.requests.size()));
}

void RepeatRunner::note(const char* kind, Json data) const {
  parts_.sink.event({now_ns(), kind, std::move(data)});
}

}  // namespace aieb
