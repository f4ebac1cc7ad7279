#pragma once

#include <string>

#include "config/config.h"
#include "core/json.h"
#include "runner/planner.h"

namespace aieb::cli {

/// What `--dry-run` prints: the file, the resolved settings that matter, the requests and notices.
std::string plan_text(const std::string& config_path, const BenchmarkConfig& config,
                      const Plan& plan);

/// The same as a document: {config, plan, requests, notices}.
Json plan_json(const BenchmarkConfig& config, const Plan& plan);

}  // namespace aieb::cli
