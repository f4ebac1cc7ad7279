#include "cli/paired_runs.h"

#include <fmt/format.h>

#include "analysis/paired.h"
#include "core/error.h"
#include "core/stop.h"

namespace aieb::cli {
namespace {

Results measured(const PairedPlan& plan, const PairedHooks& hooks, bool is_a, int pair) {
  const BenchmarkConfig& config = is_a ? plan.a : plan.b;
  hooks.say(
      fmt::format("Pair {} of {}: {} ({})", pair + 1, plan.pairs, is_a ? "A" : "B", config.name));
  RunOutcome outcome = hooks.run(config);
  if (!outcome.error.empty() && !hooks.stop.stop_requested()) {
    throw Error(outcome.exit_code, outcome.error);
  }
  hooks.say("  " + outcome.trace_path);
  return std::move(outcome.results);
}

}  // namespace

PairedResults measure_pairs(const PairedPlan& plan, const PairedHooks& hooks) {
  PairedResults out;
  const std::vector<bool> a_first = paired_order(plan.pairs, plan.order, plan.a.scenario.seed);
  bool begun = false;
  for (int pair = 0; pair < plan.pairs; ++pair) {
    std::vector<Results> both;
    for (const bool is_a :
         {a_first[static_cast<size_t>(pair)], !a_first[static_cast<size_t>(pair)]}) {
      if (begun) sleep_unless_stopped(plan.pause_s, hooks.stop);
      if (hooks.stop.stop_requested()) return out;
      begun = true;
      try {
        both.push_back(measured(plan, hooks, is_a, pair));
      } catch (const Stopped&) {
        return out;
      }
      if (hooks.stop.stop_requested()) return out;
    }
    const bool first = a_first[static_cast<size_t>(pair)];
    out.a.push_back(std::move(both[first ? 0 : 1]));
    out.b.push_back(std::move(both[first ? 1 : 0]));
    out.order.emplace_back(first ? "A B" : "B A");
  }
  return out;
}

}  // namespace aieb::cli
