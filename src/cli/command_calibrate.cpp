#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/config_choice.h"
#include "cli/interrupt.h"
#include "cli/text_table.h"
#include "reporters/file_output.h"
#include "reporters/text_format.h"
#include "runner/calibration.h"
#include "runner/planner.h"

namespace aieb::cli {
namespace {

constexpr const char* kStdout = "-";

struct CalibrateArguments {
  std::vector<std::string> words;  ///< the file and key=value overrides
  std::vector<int> concurrency;
  std::vector<double> rates;
  int tokens = CalibrationLoad{}.tokens;
  double duration_s = 4;
  std::string json;
};

/// Loads that are measured when nothing is asked for.
constexpr std::array kUsualConcurrency = {1, 100, 1000};
constexpr std::array kUsualRates = {1000.0, 5000.0};

std::vector<CalibrationLoad> loads(const CalibrateArguments& a) {
  std::vector<CalibrationLoad> out;
  const auto add = [&](int concurrency, std::optional<double> rate) {
    out.push_back({concurrency, rate, a.tokens, a.duration_s});
  };
  if (!a.words.empty()) {
    const BenchmarkConfig config = choose_config(sort_arguments(a.words)).loaded.config;
    out.push_back(calibration_load(config, make_plan(config).measure));
    out.back().duration_s = a.duration_s;
  }
  for (const int concurrency : a.concurrency) add(concurrency, {});
  for (const double rate : a.rates) add(1, rate);
  if (!out.empty()) return out;
  for (const int concurrency : kUsualConcurrency) add(concurrency, {});
  for (const double rate : kUsualRates) add(1, rate);
  return out;
}

std::string milliseconds(const std::optional<double>& s) {
  return s ? fmt::format("{:.3f} ms", *s * 1e3) : "–";
}

std::string load_name(const Calibration& c) {
  return c.request_rate ? number_text(*c.request_rate) + " requests/s"
                        : count_text(c.concurrency) + " in flight";
}

std::string table_of(const std::vector<Calibration>& all) {
  TextTable table({"load", "requests/s", "tokens/s", "TTFT error", "p99", "ITL σ", "send lag p99",
                   "sending thread", "lost"});
  for (const Calibration& c : all) {
    table.add({load_name(c), number_text(c.requests_per_s), number_text(c.tokens_per_s),
               milliseconds(c.ttft_error_mean_s), milliseconds(c.ttft_error_p99_s),
               milliseconds(c.itl_std_s), milliseconds(c.send_lag_p99_s),
               fmt::format("{:.0f} % busy", 100 * c.sending_busy), count_text(c.lost)});
  }
  return table.text();
}

ExitCode run(const CalibrateArguments& a) {
  if (!a.json.empty() && a.json != kStdout) require_writable(a.json);
  const InterruptGuard interrupt([] {});
  std::vector<Calibration> all;
  Json list = Json::array();
  for (const CalibrationLoad& load : loads(a)) {
    all.push_back(calibrate(load, interrupt.token()));
    if (interrupt.token().stop_requested()) return ExitCode::kInterrupted;
    list.push_back(to_json(all.back()));
  }
  const std::string document = Json{{"calibrations", list}}.dump(2) + "\n";
  if (a.json == kStdout) {
    std::fputs(document.c_str(), stdout);
    return ExitCode::kOk;
  }
  std::fputs(table_of(all).c_str(), stdout);
  if (!a.json.empty()) write_file(a.json, document);
  return ExitCode::kOk;
}

}  // namespace

Action declare_calibrate(CLI::App& app) {
  const auto a = std::make_shared<CalibrateArguments>();
  app.add_option("config", a->words,
                 "Measure at the load of a configuration: its file and settings such as "
                 "scenario.load.request_rate=50")
      ->type_name("[FILE|KEY=VALUE]");
  app.add_option("--concurrency", a->concurrency, "Requests in flight of closed loops, as 1,100")
      ->delimiter(',')
      ->check(CLI::Range(1, 100'000))
      ->type_name("N,…");
  app.add_option("--rate", a->rates, "Requests a second of open loops, as 100,5000")
      ->delimiter(',')
      ->check(CLI::Range(0.1, 1e6))
      ->type_name("R,…");
  app.add_option("--tokens", a->tokens, "Tokens of an answer (at most 16)")
      ->check(CLI::Range(1, 16))
      ->type_name("N");
  app.add_option("--duration", a->duration_s, "Seconds for each load")
      ->check(CLI::Range(0.5, 600.0))
      ->type_name("S");
  app.add_option("--json", a->json, "Write the numbers to FILE, or to stdout with -")
      ->type_name("FILE");
  return [a] { return run(*a); };
}

}  // namespace aieb::cli
