#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "analysis/compare.h"
#include "cli/command.h"
#include "cli/comparison_many.h"
#include "cli/comparison_text.h"
#include "cli/console.h"
#include "cli/run_store.h"
#include "reporters/file_output.h"

namespace aieb::cli {
namespace {

struct CompareArguments {
  std::vector<std::string> runs;
  std::string output_dir;
  std::string html;
  bool force = false;
  bool json = false;
};

void refuse_incomparable(const ComparedRuns& compared) {
  std::string reasons;
  for (size_t i = 0; i < compared.against_first.size(); ++i) {
    for (const std::string& reason : compared.against_first[i].not_comparable) {
      reasons += "\n  - A and " + run_letter(i + 1) + ": " + reason;
    }
  }
  if (reasons.empty()) return;
  throw ConfigError("the runs differ in more than what is compared:" + reasons +
                    "\nRun them alike, or compare them nevertheless with --force.");
}

ComparedRuns load(const CompareArguments& arguments) {
  ComparedRuns compared;
  for (const std::string& name : arguments.runs) {
    compared.runs.push_back(load_results(find_run(name, arguments.output_dir)));
  }
  for (size_t i = 1; i < compared.runs.size(); ++i) {
    compared.against_first.push_back(compare(compared.runs.front(), compared.runs[i]));
  }
  return compared;
}

std::string text_of(const ComparedRuns& compared, bool json) {
  const bool two = compared.runs.size() == 2;
  const Results& a = compared.runs[0];
  const Results& b = compared.runs[1];
  const Comparison& first = compared.against_first.front();
  if (json) return (two ? comparison_json(a, b, first) : comparisons_json(compared)).dump(2) + "\n";
  if (!two) return comparison_table(compared, stdout_style());
  return comparison_text(a, b, first, stdout_style()) + verdict_sentence(compared, 1) + "\n";
}

ExitCode compare_runs(const CompareArguments& arguments) {
  const ComparedRuns compared = load(arguments);
  if (!arguments.force) refuse_incomparable(compared);
  if (!arguments.html.empty()) write_file(arguments.html, comparison_page(compared));
  std::fputs(text_of(compared, arguments.json).c_str(), stdout);
  return ExitCode::kOk;
}

}  // namespace

Action declare_compare(CLI::App& app) {
  const auto arguments = std::make_shared<CompareArguments>();
  app.add_option("runs", arguments->runs,
                 "Two or more traces, results documents or parts of runs' names ('latest' is the "
                 "newest); all are compared with the first")
      ->type_name("RUN")
      ->expected(2, -1)
      ->required();
  app.add_flag("--force", arguments->force, "Compare runs that differ in other ways as well");
  app.add_flag("--json", arguments->json, "Print the comparison as JSON");
  app.add_option("--html", arguments->html,
                 "Write a page with energy drawn against latency and throughput, too")
      ->type_name("FILE");
  add_output_dir_option(app, arguments->output_dir);
  return [arguments] { return compare_runs(*arguments); };
}

}  // namespace aieb::cli
