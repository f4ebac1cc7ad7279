#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/config_choice.h"
#include "cli/console.h"
#include "cli/download_view.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "cli/plan_json.h"
#include "cli/plan_text.h"
#include "cli/progress_display.h"
#include "config/option_docs.h"
#include "config/parser.h"
#include "core/clock.h"
#include "core/version.h"
#include "hub/progress.h"
#include "reporters/file_output.h"
#include "reporters/results_json.h"
#include "reporters/terminal.h"
#include "reporters/write.h"
#include "runner/planner.h"
#include "runner/run_carbon.h"
#include "runner/runner.h"

namespace aieb::cli {
namespace {

constexpr const char* kStdout = "-";

struct RunArguments {
  std::vector<std::string> words;  ///< the file and key=value overrides
  std::string json;
  std::string trace;
  std::string log_level;
  bool dry_run = false;
  bool quiet = false;
  bool strict = false;
};

void declare_options(CLI::App& app, RunArguments& a) {
  app.add_option("config", a.words,
                 "YAML or JSON file and settings such as scenario.num_samples=5. Without a file: "
                 "CONFIG_FILE, else configs/gpt_oss_120b.yaml, or the quickstart when no server "
                 "listens")
      ->type_name("[FILE|KEY=VALUE]");
  app.add_option("--json", a.json, "Write the results document to FILE, or to stdout with -")
      ->type_name("FILE");
  app.add_option("--trace", a.trace, "Record to FILE instead of a new one below output_dir/runs")
      ->type_name("FILE");
  app.add_option("--log-level", a.log_level, "debug, info, warning or error (default: LOG_LEVEL)")
      ->type_name("LEVEL");
  app.add_flag("--dry-run", a.dry_run, "Print the plan and stop");
  app.add_flag("-q,--quiet", a.quiet, "No progress, no table, no warnings; errors still show");
  app.add_flag("--strict", a.strict, "Take every unknown configuration key for an error");
}

log::Level echo_level(const RunArguments& a, std::optional<log::Level> chosen) {
  return a.quiet ? log::Level::kError : chosen.value_or(log::Level::kWarning);
}

/// What stands before a log line on the terminal, by level.
constexpr std::array kLogPrefixes = {"debug: ", "", "warning: ", "error: "};

/// One run of the command: what its steps share.
class RunCommand {
 public:
  explicit RunCommand(const RunArguments& arguments)
      : arguments_(arguments),
        choice_(choose_config(with_strictness(arguments))),
        display_(arguments.quiet) {
    set_download_display(
        [this](const DownloadState& state) { display_.update(download_.update(state, now_ns())); });
  }
  ~RunCommand() { set_download_display({}); }
  RunCommand(const RunCommand&) = delete;
  RunCommand& operator=(const RunCommand&) = delete;

  ExitCode execute() {
    if (!choice_.notice.empty() && !arguments_.quiet) display_.print(choice_.notice);
    if (arguments_.dry_run) return print_plan();
    require_outputs_writable();
    const LogFile log = open_log();
    const InterruptGuard interrupt([this] {
      display_.print("Stopping; what was measured is kept. Press Ctrl-C again to stop at once.");
    });
    return report(measure(interrupt.token()));  // a first Ctrl-C does not cut off reports either
  }

 private:
  static ConfigArguments with_strictness(const RunArguments& a) {
    ConfigArguments out = sort_arguments(a.words);
    out.strict = a.strict;
    return out;
  }

  [[nodiscard]] const BenchmarkConfig& config() const { return choice_.loaded.config; }

  ExitCode print_plan() {
    for (const std::string& text : choice_.loaded.warnings) display_.print("warning: " + text);
    const Plan plan = make_plan(config());
    check_carbon(config());
    const std::string text =
        arguments_.json == kStdout
            ? plan_json(config(), plan).dump(2) + "\n"
            : "Plan of " + choice_.title() + " (nothing is run)\n" + describe_plan(plan);
    std::fputs(text.c_str(), stdout);
    return ExitCode::kOk;
  }

  /// Before anything slow happens: nobody should wait for results that have no place.
  void require_outputs_writable() const {
    std::vector<OtherOutput> own;
    if (writes_json_file()) own.push_back({"--json", arguments_.json});
    if (!arguments_.trace.empty()) own.push_back({"--trace", arguments_.trace});
    const std::vector<std::string> sources = {choice_.path, config().scenario.dataset_name};
    for (const OtherOutput& output : own) refuse_overwriting(output.path, sources);
    for (const ReporterConfig& reporter : config().reporters) {
      refuse_overwriting(reporter.output_file, sources);
    }
    require_reports_writable(config(), own);
  }

  [[nodiscard]] bool writes_json_file() const {
    return !arguments_.json.empty() && arguments_.json != kStdout;
  }

  LogFile open_log() {
    const auto level = chosen_log_level(arguments_.log_level);
    const std::string path =
        (std::filesystem::path(config().output_dir) / "benchmark.log").string();
    return LogFile({.path = path,
                    .level = level.value_or(log::Level::kInfo),
                    .echo_level = echo_level(arguments_, level),
                    .echo = [this](log::Level line_level, std::string_view text) {
                      display_.print(kLogPrefixes.at(static_cast<size_t>(line_level)) +
                                     std::string(text));
                    }});
  }

  RunOutcome measure(std::stop_token stop) {
    log::info(std::string("aieb ") + version() + " runs " + choice_.title());
    for (const std::string& warning : choice_.loaded.warnings) log::warning(warning);
    RunOutcome outcome =
        run_logged({.trace_path = arguments_.trace,
                    .stop = std::move(stop),
                    .on_progress = [this](const Progress& p) { display_.update(p); }});
    display_.clear();
    log::info("run " + outcome.results.run_id + " is recorded in " + outcome.trace_path);
    return outcome;
  }

  /// An error ends up in the log file too; `main` shows it.
  [[nodiscard]] RunOutcome run_logged(const RunOptions& options) const {
    try {
      return run_benchmark(config(), options);
    } catch (const std::exception& error) {
      log::info(std::string("the run failed: ") + error.what());
      throw;
    }
  }

  ExitCode report(RunOutcome outcome) {
    Results& results = outcome.results;
    try {
      write_all(results, outcome.trace_path);
    } catch (const Error&) {
      show(results);  // the numbers are there even though a file is not
      throw;
    }
    show(results);
    if (!outcome.error.empty()) print_error(outcome.error);
    return outcome.exit_code;
  }

  /// What cannot be written costs nothing else.
  void write_all(Results& results, const std::string& trace_path) const {
    const std::filesystem::path log = std::filesystem::path(config().output_dir) / "benchmark.log";
    results.files["log"] = log.string();
    if (writes_json_file()) results.files["json_document"] = arguments_.json;
    std::string failures;
    const auto attempt = [&failures](const auto& write) {
      try {
        write();
      } catch (const Error& error) {
        failures += (failures.empty() ? "" : "\n") + std::string(error.what());
      }
    };
    attempt([&] { write_reports(results, config(), trace_path); });
    if (writes_json_file()) attempt([&] { write_file(arguments_.json, json_report(results)); });
    if (!failures.empty()) throw EnvironmentError(failures);
  }

  /// With `--json -` stdout belongs to the document, and the table goes to stderr.
  void show(const Results& results) const {
    const bool json_on_stdout = arguments_.json == kStdout;
    if (!arguments_.quiet) {
      const std::string table = "\n" + terminal_report(results, stdout_style());
      std::fputs(table.c_str(), json_on_stdout ? stderr : stdout);
    }
    if (json_on_stdout) std::fputs(json_report(results).c_str(), stdout);
  }

  const RunArguments& arguments_;
  ConfigChoice choice_;
  ProgressDisplay display_;
  DownloadView download_;
};

}  // namespace

Action declare_run(CLI::App& app) {
  const auto arguments = std::make_shared<RunArguments>();
  declare_options(app, *arguments);
  app.footer([] { return "Configuration keys, as overrides key=value:\n" + options_help(); });
  return [arguments] { return RunCommand(*arguments).execute(); };
}

}  // namespace aieb::cli
