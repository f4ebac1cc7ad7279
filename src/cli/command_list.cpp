#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "analysis/analyze.h"
#include "cli/command.h"
#include "cli/run_store.h"
#include "cli/text_table.h"
#include "core/clock.h"
#include "reporters/metric_table.h"
#include "reporters/text_format.h"
#include "trace/reader.h"

namespace aieb::cli {
namespace {

struct ListArguments {
  std::string output_dir;
  size_t count = 20;
};

std::string known_or_dash(const Results& results, const char* key) {
  const auto q = std::get<Quantity>(metric(key).get(results));
  return q.known() ? quantity_text(q, metric(key).unit) : "-";
}

/// A run that cannot be read is a line of the list, not the end of it.
std::vector<std::string> row(const std::string& path) {
  const std::string name = std::filesystem::path(path).filename().string();
  try {
    const Results r = analyze(read_trace(path));
    return {
        name,
        iso_local(r.started_wall_ns),
        r.model,
        r.is_monitor() ? "-" : count_text(r.successful_prompts) + "/" + count_text(r.total_prompts),
        known_or_dash(r, "total_energy_wh"),
        known_or_dash(r, "energy_per_output_token_j")};
  } catch (const std::exception& error) {
    return {name, "unreadable", error.what(), "-", "-", "-"};
  }
}

ExitCode list(const ListArguments& arguments) {
  const std::vector<std::string> runs = recorded_runs(arguments.output_dir);
  if (runs.empty()) {
    std::printf("No runs below %s/runs. aieb run records one.\n", arguments.output_dir.c_str());
    return ExitCode::kOk;
  }
  const size_t shown = std::min(arguments.count, runs.size());
  TextTable table({"run", "started", "model", "prompts", "energy", "per token"});
  for (size_t i = runs.size() - shown; i < runs.size(); ++i) table.add(row(runs[i]));
  std::fputs(table.text().c_str(), stdout);
  if (shown < runs.size()) {
    std::printf("%zu older runs are not shown; -n %zu shows all.\n", runs.size() - shown,
                runs.size());
  }
  return ExitCode::kOk;
}

}  // namespace

Action declare_list(CLI::App& app) {
  const auto arguments = std::make_shared<ListArguments>();
  add_output_dir_option(app, arguments->output_dir);
  app.add_option("-n,--count", arguments->count, "How many of the newest runs to show (20)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  return [arguments] { return list(*arguments); };
}

}  // namespace aieb::cli
