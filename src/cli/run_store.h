#pragma once

#include <string>
#include <vector>

#include "core/results.h"

namespace CLI {
class App;
}

namespace aieb::cli {

/// Where runs are looked for: `--output-dir`, else OUTPUT_DIR, else ./benchmark_output.
std::string default_output_dir();

/// Adds `--output-dir` to a command.
void add_output_dir_option(CLI::App& app, std::string& output_dir);

/// Paths of the traces below `<output_dir>/runs`, oldest first. Names begin with the time.
/// Throws EnvironmentError when that folder cannot be read.
std::vector<std::string> recorded_runs(const std::string& output_dir);

/// The trace or results document that a person means by `name`: a path, `latest`, or a part of the
/// name of one recorded run. Throws ConfigError that says what there is instead.
std::string find_run(const std::string& name, const std::string& output_dir);

/// Results of a trace (analysed now) or of a results document, whichever the file is.
/// Throws what reading them throws.
Results load_results(const std::string& path);

}  // namespace aieb::cli
