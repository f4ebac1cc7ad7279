#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "analysis/compare.h"
#include "cli/command.h"
#include "cli/comparison_text.h"
#include "cli/console.h"
#include "cli/run_store.h"

namespace aieb::cli {
namespace {

struct CompareArguments {
  std::string a;
  std::string b;
  std::string output_dir;
  bool force = false;
  bool json = false;
};

void refuse_incomparable(const Comparison& comparison) {
  std::string reasons;
  for (const std::string& reason : comparison.not_comparable) reasons += "\n  - " + reason;
  throw ConfigError("the two runs differ in more than what is compared:" + reasons +
                    "\nRun both alike, or compare them nevertheless with --force.");
}

ExitCode compare_runs(const CompareArguments& arguments) {
  const Results a = load_results(find_run(arguments.a, arguments.output_dir));
  const Results b = load_results(find_run(arguments.b, arguments.output_dir));
  const Comparison comparison = compare(a, b);
  if (!comparison.not_comparable.empty() && !arguments.force) refuse_incomparable(comparison);
  const std::string text = arguments.json ? comparison_json(a, b, comparison).dump(2) + "\n"
                                          : comparison_text(a, b, comparison, stdout_style());
  std::fputs(text.c_str(), stdout);
  return ExitCode::kOk;
}

}  // namespace

Action declare_compare(CLI::App& app) {
  const auto arguments = std::make_shared<CompareArguments>();
  constexpr const char* kWhat = "Trace, results document, 'latest' or a part of a run's name";
  app.add_option("a", arguments->a, kWhat)->type_name("RUN")->required();
  app.add_option("b", arguments->b, kWhat)->type_name("RUN")->required();
  app.add_flag("--force", arguments->force, "Compare runs that differ in other ways as well");
  app.add_flag("--json", arguments->json, "Print the comparison as JSON");
  add_output_dir_option(app, arguments->output_dir);
  return [arguments] { return compare_runs(*arguments); };
}

}  // namespace aieb::cli
