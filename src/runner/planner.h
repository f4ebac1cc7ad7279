#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/protocol.h"
#include "core/json.h"
#include "core/request.h"

namespace aieb {

/// What a run will ask, before anything is loaded. Made from configuration, dataset and seed alone:
/// the same inputs give the same plan.
struct Plan {
  Workload warmup;   ///< ids follow those of `measure`
  Workload measure;  ///< request id = position, from 0; prompt_index: which of the prompts
  Protocol protocol;
  std::vector<double> pauses_s;  ///< before each repeat
  bool salt_passes = false;      ///< a pass that asks the prompts again gets a cache salt
  Json description =
      Json::object();                ///< dataset, reasoning format, generation, load; for the trace
  std::vector<std::string> notices;  ///< for the user
};

/// Reads the dataset and the reasoning formats and plans every request, under the configuration's
/// measurement protocol (config/protocol.h).
/// Throws ConfigError and DataError.
Plan make_plan(const BenchmarkConfig& config);

}  // namespace aieb
