#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "analysis/compare.h"
#include "analysis/paired.h"
#include "cli/command.h"
#include "cli/comparison_many.h"
#include "cli/comparison_text.h"
#include "cli/config_choice.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "cli/paired_runs.h"
#include "cli/progress_display.h"
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
  bool run = false;  ///< `runs` are configurations, to be measured in turn
  int repeats = 3;
  std::string order = "abba";
  double pause_s = 5;
  bool quiet = false;
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

/// Two files, and settings for both.
PairedPlan paired_plan(const CompareArguments& arguments) {
  std::vector<std::string> files;
  std::vector<std::string> settings;
  for (const std::string& word : arguments.runs) {
    (word.find('=') == std::string::npos ? files : settings).push_back(word);
  }
  if (files.size() != 2) {
    throw ConfigError(
        "--run measures two configurations in turn: name two files, such as aieb "
        "compare --run A.yaml B.yaml");
  }
  if (arguments.repeats < 2) {
    throw ConfigError("--repeats must be at least 2: one pair has no spread to judge by");
  }
  const auto config = [&](const std::string& path) {
    return choose_config({.path = path, .overrides = settings}).loaded.config;
  };
  return {config(files[0]), config(files[1]), arguments.repeats, arguments.order,
          arguments.pause_s};
}

/// Before anything is measured: nobody should wait for A to learn that B cannot run.
void require_runnable(const BenchmarkConfig& config, const char* letter,
                      const std::stop_token& stop) {
  RunOptions options;
  options.stop = stop;
  try {
    check_benchmark(config, options);
  } catch (const Stopped&) {
    throw;
  } catch (const Error& error) {
    throw Error(error.exit_code(), std::string("nothing was measured: ") + letter + " (" +
                                       config.name + ") cannot run: " + error.what());
  }
}

ComparedRuns compared_pairs(PairedResults results, const PairedPlan& plan) {
  if (results.a.size() < 2) {
    throw Error(ExitCode::kInterrupted,
                "stopped before two pairs were measured: there is nothing to compare. The traces "
                "of what was run are in " +
                    plan.a.output_dir + "/runs");
  }
  ComparedRuns compared;
  compared.against_first.push_back(compare_paired(results.a, results.b));
  compared.against_first.front().order = std::move(results.order);
  compared.runs.push_back(std::move(results.a.front()));
  compared.runs.push_back(std::move(results.b.front()));
  return compared;
}

ComparedRuns measure(const CompareArguments& arguments) {
  const PairedPlan plan = paired_plan(arguments);
  ProgressDisplay display(arguments.quiet);
  const InterruptGuard interrupt([&display] {
    display.print("Stopping; complete pairs are compared. Press Ctrl-C again to stop at once.");
  });
  require_runnable(plan.a, "A", interrupt.token());
  require_runnable(plan.b, "B", interrupt.token());
  const PairedHooks hooks{.run =
                              [&](const BenchmarkConfig& config) {
                                RunOptions options;
                                options.stop = interrupt.token();
                                options.on_progress = [&](const Progress& progress) {
                                  display.update(progress);
                                };
                                return run_benchmark(config, options);
                              },
                          .say =
                              [&](const std::string& text) {
                                if (!arguments.quiet) display.print(text);
                              },
                          .stop = interrupt.token()};
  PairedResults results = measure_pairs(plan, hooks);
  display.clear();
  return compared_pairs(std::move(results), plan);
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

void refuse_page_over_a_run(const CompareArguments& arguments) {
  for (const std::string& run : arguments.runs) {
    refuse_overwriting(arguments.html, {arguments.run ? run : find_run(run, arguments.output_dir)});
  }
}

ExitCode compare_runs(const CompareArguments& arguments) {
  if (!arguments.html.empty()) {
    refuse_page_over_a_run(arguments);
    require_writable(arguments.html);
  }
  const ComparedRuns compared = arguments.run ? measure(arguments) : load(arguments);
  if (!arguments.force && !arguments.run) refuse_incomparable(compared);
  // The numbers first: they are there even though the page cannot be written.
  std::fputs(text_of(compared, arguments.json).c_str(), stdout);
  if (!arguments.html.empty()) write_file(arguments.html, comparison_page(compared));
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
  app.add_flag("--run", arguments->run,
               "Measure two configurations (files, and settings for both) in turn and compare the "
               "pairs");
  app.add_option("--repeats", arguments->repeats, "Pairs that --run measures (default 3)")
      ->type_name("N");
  app.add_option("--order", arguments->order,
                 "Order within the pairs of --run: abba (default) or random")
      ->check(CLI::IsMember({"abba", "random"}));
  app.add_option("--pause", arguments->pause_s,
                 "Seconds between two runs of --run (default 5); metrics.protocol cools down to a "
                 "temperature")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("-q,--quiet", arguments->quiet, "No progress of --run");
  app.add_flag("--force", arguments->force, "Compare runs that differ in other ways as well");
  app.add_flag("--json", arguments->json, "Print the comparison as JSON");
  app.add_option("--html", arguments->html,
                 "Write a page with energy drawn against latency and throughput, too")
      ->type_name("FILE");
  add_output_dir_option(app, arguments->output_dir);
  return [arguments] { return compare_runs(*arguments); };
}

}  // namespace aieb::cli
