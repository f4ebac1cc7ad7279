#pragma once

#include "config/config.h"
#include "core/json.h"
#include "runner/planner.h"

namespace aieb::cli {

/// The plan as a document: {config, plan, warmup_prompts, requests, notices}.
Json plan_json(const BenchmarkConfig& config, const Plan& plan);

}  // namespace aieb::cli
