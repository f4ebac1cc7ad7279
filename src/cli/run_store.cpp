#include "cli/run_store.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "analysis/analyze.h"
#include "core/error.h"
#include "reporters/results_json.h"
#include "trace/reader.h"

namespace aieb::cli {
namespace {

namespace fs = std::filesystem;

/// Results documents are JSON objects; a trace begins with SQLite's magic text.
bool looks_like_json(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char first = 0;
  return (in >> std::ws).get(first) && first == '{';
}

Results read_results_document(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const Json json = Json::parse(in, nullptr, false);
  if (json.is_discarded()) {
    throw DataError(path + " is not valid JSON. Results are written by: aieb run --json FILE");
  }
  return results_from_json(json);
}

}  // namespace

std::string default_output_dir() {
  const char* variable = std::getenv("OUTPUT_DIR");
  return variable && *variable ? variable : "./benchmark_output";
}

void add_output_dir_option(CLI::App& app, std::string& output_dir) {
  output_dir = default_output_dir();
  app.add_option("--output-dir", output_dir,
                 "Folder that holds runs/ (default: " + output_dir + ")")
      ->type_name("DIR");
}

std::vector<std::string> recorded_runs(const std::string& output_dir) {
  std::vector<std::string> out;
  const fs::path folder = fs::path(output_dir) / "runs";
  try {
    if (!fs::exists(folder)) return out;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".db") out.push_back(entry.path().string());
    }
  } catch (const fs::filesystem_error& error) {
    throw EnvironmentError("the runs in " + folder.string() +
                           " cannot be read: " + error.code().message() +
                           ". Make it a folder that may be read, or name another --output-dir");
  }
  std::ranges::sort(out);
  return out;
}

std::string find_run(const std::string& name, const std::string& output_dir) {
  if (fs::is_regular_file(name)) return name;
  const std::vector<std::string> runs = recorded_runs(output_dir);
  if (runs.empty()) {
    throw ConfigError("there is no file " + name + ", and no run below " + output_dir +
                      "/runs. Name a trace, or a folder of runs with --output-dir.");
  }
  if (name == "latest") return runs.back();
  std::vector<std::string> matches;
  std::ranges::copy_if(runs, std::back_inserter(matches), [&name](const std::string& run) {
    return fs::path(run).filename().string().find(name) != std::string::npos;
  });
  if (matches.size() == 1) return matches.front();
  throw ConfigError((matches.empty() ? "no file and no recorded run is called '"
                                     : std::to_string(matches.size()) + " runs match '") +
                    name + "'. aieb list shows the runs; 'latest' names the newest.");
}

Results load_results(const std::string& path) {
  return looks_like_json(path) ? read_results_document(path) : analyze(read_trace(path));
}

}  // namespace aieb::cli
