#pragma once

#include <string>
#include <vector>

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

/// A file that is written beside the reports, and what asks for it: "--json".
struct OtherOutput {
  std::string label;
  std::string path;
};

/// Throws EnvironmentError when one of those files could not be written, and ConfigError when two
/// of them, or one and one of `others`, would be the same file: asked before a run, so that nobody
/// waits for a benchmark whose results have no place.
void require_reports_writable(const BenchmarkConfig& config,
                              const std::vector<OtherOutput>& others = {});

/// The part of that which the configuration alone decides. Throws ConfigError for an unknown
/// reporter, too.
void refuse_shared_reports(const BenchmarkConfig& config);

}  // namespace aieb
