#include <cmath>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/monitor_command.h"
#include "cli/monitor_live.h"
#include "cli/run_store.h"
#include "config/config.h"
#include "core/error.h"

namespace aieb::cli {
namespace {

constexpr double kLeastInterval_s = 0.1;

void declare_outputs(CLI::App& app, MonitorArguments& a) {
  app.add_option("--csv", a.csv, "Write every reading as rows to FILE, or to stdout with -")
      ->type_name("FILE");
  app.add_option("--json", a.json,
                 "Write every reading as a JSON line to FILE, or to stdout with -; with a command: "
                 "the results document, to FILE")
      ->type_name("FILE");
  app.add_option("--prometheus", a.prometheus,
                 "Serve /metrics for Prometheus; on 127.0.0.1 unless an address is given")
      ->type_name("[ADDRESS]:PORT");
  app.add_option("--trace", a.trace,
                 "Record to FILE (a command is always recorded, below output_dir/runs)")
      ->type_name("FILE");
  app.add_flag("-q,--quiet", a.quiet, "No display and no summary");
  add_output_dir_option(app, a.output_dir);
}

void declare_options(CLI::App& app, MonitorArguments& a) {
  app.add_option("command", a.words,
                 "A configuration whose metrics say what to read (metrics.sources), settings, and "
                 "after -- what to run and measure, with its arguments")
      ->type_name("[FILE] [KEY=VALUE...] [-- COMMAND [ARGUMENT...]]");
  app.add_option("--interval", a.interval_s, "Seconds between readings (1)")->type_name("S");
  app.add_option("--duration", a.duration_s, "End after S seconds (default: at Ctrl-C)")
      ->type_name("S");
  app.add_option("--idle", a.idle_s,
                 "Seconds of idle power to measure before the command (5); 0: none, and no energy "
                 "above idle")
      ->type_name("S");
  app.add_option("--name", a.name, "Of the recording (default: the command's)")->type_name("NAME");
  app.add_option("--country", a.country,
                 "Where the electricity comes from, ISO 3166-1 (default: COUNTRY_ISO_CODE, else "
                 "USA, assumed)")
      ->type_name("CODE");
  app.add_option("--region", a.region, "Of the country, or a cloud region")->type_name("REGION");
}

/// Parts the words after "--", which are marked, from those before it. Throws ConfigError for one
/// before it that is neither a file nor a setting: it is most likely a command.
void sort_words(MonitorArguments& a) {
  std::vector<std::string> settings;
  for (const std::string& word : a.words) {
    if (!word.empty() && word.front() == kRawWord) {
      a.command.push_back(word.substr(1));
    } else if (word.find('=') != std::string::npos || std::filesystem::is_regular_file(word)) {
      settings.push_back(word);
    } else {
      throw ConfigError("'" + word +
                        "' is neither an option, a file nor a setting: aieb monitor [OPTIONS] -- "
                        "COMMAND [ARGUMENT...] measures a command");
    }
  }
  a.config = sort_arguments(settings);
}

void require_at_least(const char* option, double value, double least) {
  if (std::isfinite(value) && value >= least) return;
  throw ConfigError(std::string(option) + ": expected seconds, at least " +
                    (least > 0 ? "0.1" : "0"));
}

/// An option at the end, without its value, has taken the first word of the command.
void require_values(const MonitorArguments& a) {
  const std::pair<const char*, const std::string&> options[] = {{"--csv", a.csv},
                                                                {"--json", a.json},
                                                                {"--prometheus", a.prometheus},
                                                                {"--trace", a.trace},
                                                                {"--output-dir", a.output_dir},
                                                                {"--name", a.name},
                                                                {"--country", a.country},
                                                                {"--region", a.region}};
  for (const auto& [option, value] : options) {
    if (value.empty() || value.front() != kRawWord) continue;
    throw ConfigError(std::string(option) + " needs a value before the --");
  }
}

void check(const MonitorArguments& a) {
  require_values(a);
  require_at_least("--interval", a.interval_s, kLeastInterval_s);
  if (a.duration_s) require_at_least("--duration", *a.duration_s, kLeastInterval_s);
  if (a.idle_s) require_at_least("--idle", *a.idle_s, 0);
  if (a.csv == "-" && a.json == "-") {
    throw ConfigError("--csv - and --json - cannot share stdout: give one of them a file");
  }
  if (a.command.empty()) {
    if (a.idle_s) throw ConfigError("--idle needs a command: aieb monitor --idle 5 -- COMMAND");
    return;
  }
  if (a.duration_s) {
    throw ConfigError(
        "--duration does not go with a command, whose end is the end: use timeout(1)");
  }
  if (a.csv == "-" || a.json == "-") {
    throw ConfigError("stdout is the command's own: give --csv and --json a file");
  }
}

ExitCode monitor(MonitorArguments& a) {
  sort_words(a);
  check(a);
  if (a.command.empty()) {
    if (a.name.empty()) a.name = "monitor";
    return monitor_machine(a);
  }
  if (a.name.empty()) a.name = std::filesystem::path(a.command.front()).filename().string();
  if (!a.idle_s) a.idle_s = MetricsConfig{}.idle_s;
  return monitor_command(a);
}

}  // namespace

Action declare_monitor(CLI::App& app) {
  const auto arguments = std::make_shared<MonitorArguments>();
  declare_options(app, *arguments);
  declare_outputs(app, *arguments);
  app.footer(
      "With a command, the exit code is the command's (126, 127: it could not be started), and a\n"
      "signal that ended it ends aieb too. The whole machine is measured, not the command alone.");
  return [arguments] { return monitor(*arguments); };
}

}  // namespace aieb::cli
