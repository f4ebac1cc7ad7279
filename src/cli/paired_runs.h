#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "config/config.h"
#include "runner/runner.h"

namespace aieb::cli {

/// Two configurations to be measured in turn.
struct PairedPlan {
  BenchmarkConfig a;
  BenchmarkConfig b;
  int pairs = 3;
  std::string order = "abba";  ///< as paired_order
  double pause_s = 5;          ///< between two runs
};

struct PairedHooks {
  std::function<RunOutcome(const BenchmarkConfig&)> run;
  std::function<void(const std::string&)> say;  ///< a line for a person
  std::stop_token stop;
};

/// Results of the complete pairs, in their order.
struct PairedResults {
  std::vector<Results> a;
  std::vector<Results> b;
  std::vector<std::string> order;  ///< of each pair: "A B" or "B A"
};

/// Measures the pairs, each run an ordinary one with a trace of its own. Stops early, with the
/// pairs that are complete, when asked to. Throws Error when a run fails as a whole: a comparison
/// that lacks runs of one side would not be one.
PairedResults measure_pairs(const PairedPlan& plan, const PairedHooks& hooks);

}  // namespace aieb::cli
