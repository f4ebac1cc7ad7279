#pragma once

#include <string>

#include "config/config.h"
#include "core/json.h"
#include "core/results.h"
#include "reporters/reporter.h"

namespace aieb {

/// Writes every file of a run: the configured reports, CodeCarbon's emissions files and
/// debug_info.json. `results.files` is set first, so that the reports list all of them.
/// Every file is tried; what failed is thrown afterwards as one EnvironmentError.
/// Returns {label: path}.
Json write_reports(Results& results, const BenchmarkConfig& config, const std::string& trace_path);

/// Writes one report to `path`, as `reporter.mode` says; a file that was moved aside is logged.
/// Throws EnvironmentError.
void write_report(const Reporter& reporter, const Results& results, const std::string& path);

/// Throws EnvironmentError when one of those files could not be written: asked before a run, so
/// that nobody waits for a benchmark whose results have no place.
void require_reports_writable(const BenchmarkConfig& config);

}  // namespace aieb
