#pragma once

#include <string>

#include "config/config.h"
#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// Writes every file of a run: the configured reports, CodeCarbon's emissions files and
/// debug_info.json. `results.files` is set first, so that the reports list all of them.
/// Every file is tried; what failed is thrown afterwards as one EnvironmentError.
/// Returns {label: path}.
Json write_reports(Results& results, const BenchmarkConfig& config, const std::string& trace_path);

/// Throws EnvironmentError when one of those files could not be written: asked before a run, so
/// that nobody waits for a benchmark whose results have no place.
void require_reports_writable(const BenchmarkConfig& config);

}  // namespace aieb
