#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "analysis/analyze.h"
#include "carbon/carbon.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/run_store.h"
#include "config/parser.h"
#include "core/error.h"
#include "core/trace_data.h"
#include "reporters/file_output.h"
#include "reporters/reporter.h"
#include "reporters/terminal.h"
#include "reporters/write.h"
#include "trace/reader.h"

namespace aieb::cli {
namespace {

constexpr const char* kTerminal = "terminal";

struct ReportArguments {
  std::string run;
  std::string format = kTerminal;
  std::string output;
  std::string output_dir;
  std::string carbon_series;
  std::string carbon_zone;
};

std::string format_help() {
  std::string out = "terminal (default)";
  for (const Reporter& r : reporters()) {
    out += "; " + std::string(r.name) + ": " + std::string(r.description);
  }
  return out;
}

/// The table for people is a reporter like the others; only `aieb run` shows it by itself.
Reporter chosen_reporter(const std::string& format) {
  if (format != kTerminal) return find_reporter(format);
  return {kTerminal, ".txt", WriteMode::kReplace, "the table of aieb run",
          [](const Results& results) { return terminal_report(results, {}); }};
}

/// The recorded run with the intensities of a file in place of those that it was made with.
Results with_series(const std::string& path, const ReportArguments& arguments) {
  Trace trace = read_trace(path);
  MetricsConfig metrics = config_from_json(trace.meta_json(meta::kConfig)).metrics;
  metrics.carbon_intensity_g_per_kwh.reset();
  metrics.carbon_intensity_live = "off";
  metrics.carbon_intensity_series = arguments.carbon_series;
  if (!arguments.carbon_zone.empty()) metrics.carbon_intensity_zone = arguments.carbon_zone;
  trace.meta[meta::kCarbon] = to_json(resolve_carbon(metrics)).dump();
  Results results = analyze(std::move(trace));
  results.files["trace"] = path;
  const std::string& unknown = results.carbon->unknown;
  if (!unknown.empty()) throw ConfigError("--carbon-series: " + unknown);
  return results;
}

ExitCode report(const ReportArguments& arguments) {
  const Reporter reporter = chosen_reporter(arguments.format);
  const std::string run = find_run(arguments.run, arguments.output_dir);
  refuse_overwriting(arguments.output, {run, arguments.carbon_series});
  const Results results =
      arguments.carbon_series.empty() ? load_results(run) : with_series(run, arguments);
  if (!arguments.output.empty() && arguments.output != "-") {
    write_report(reporter, results, arguments.output);
  } else if (reporter.name == kTerminal) {
    std::fputs(terminal_report(results, stdout_style()).c_str(), stdout);
  } else {
    const std::string bytes = reporter.serialize(results);
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);  // may hold zeros: a database
  }
  return ExitCode::kOk;
}

}  // namespace

Action declare_report(CLI::App& app) {
  const auto arguments = std::make_shared<ReportArguments>();
  app.add_option("run", arguments->run,
                 "Trace or results document; 'latest' or a part of a name finds a recorded run")
      ->type_name("RUN")
      ->required();
  app.add_option("-f,--format", arguments->format, format_help())->type_name("NAME");
  app.add_option("-o,--output", arguments->output,
                 "File to write (csv, codecarbon and sqlite add the run to it); default: stdout")
      ->type_name("FILE");
  app.add_option("--carbon-series", arguments->carbon_series,
                 "Compute the emissions with the carbon intensities of FILE at the time of the run "
                 "(a CSV file; the run must be a trace)")
      ->type_name("FILE");
  app.add_option("--carbon-zone", arguments->carbon_zone, "Zone of the file, if it has several")
      ->type_name("ZONE");
  add_output_dir_option(app, arguments->output_dir);
  return [arguments] { return report(*arguments); };
}

}  // namespace aieb::cli
