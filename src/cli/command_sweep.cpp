#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/config_choice.h"
#include "cli/console.h"
#include "cli/download_view.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "cli/progress_display.h"
#include "cli/sweep_report.h"
#include "cli/sweep_runner.h"
#include "config/parser.h"
#include "core/clock.h"
#include "hub/progress.h"
#include "reporters/file_output.h"
#include "reporters/json_access.h"
#include "runner/sweep_grid.h"

namespace aieb::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStdout = "-";

struct SweepArguments {
  std::vector<std::string> words;  ///< the file, lists of values and plain overrides
  std::string search;
  double target = 0.95;
  double tolerance = SearchRange{}.tolerance;
  int max_points = SearchRange{}.max_probes;
  std::string name;
  std::string json;
  std::string csv;
  std::string html;
  bool fresh = false;
  bool dry_run = false;
  bool quiet = false;
  bool strict = false;
};

void declare_outputs(CLI::App& app, SweepArguments& a) {
  app.add_option("--json", a.json,
                 "Write the points with their metrics to FILE, or to stdout with -")
      ->type_name("FILE");
  app.add_option("--csv", a.csv, "Write a row a point to FILE, or to stdout with -")
      ->type_name("FILE");
  app.add_option("--html", a.html, "Write a page with energy drawn against latency and throughput")
      ->type_name("FILE");
  app.add_flag("--dry-run", a.dry_run, "List the points and stop");
  app.add_flag("-q,--quiet", a.quiet, "No progress, no table, no warnings; errors still show");
  app.add_flag("--strict", a.strict, "Take every unknown configuration key for an error");
}

void declare_options(CLI::App& app, SweepArguments& a) {
  app.add_option("config", a.words,
                 "YAML or JSON file, keys with the values to measure such as "
                 "scenario.load.concurrency=1,2,4 and plain settings. A list is written [0,1]")
      ->type_name("[FILE|KEY=V1,V2,…|KEY=VALUE]");
  app.add_option("--search", a.search,
                 "Look for the highest load that meets scenario.slo: "
                 "scenario.load.request_rate=LOW..HIGH or scenario.load.concurrency=LOW..HIGH")
      ->type_name("KEY=LOW..HIGH");
  app.add_option("--target", a.target,
                 "Fraction of requests that must be good for a load to meet (default 0.95)")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--tolerance", a.tolerance,
                 "Search until the answer is known to this part of it (default 0.05)")
      ->check(CLI::PositiveNumber);
  app.add_option("--max-points", a.max_points, "Search with at most so many points (default 30)")
      ->check(CLI::PositiveNumber);
  app.add_option("--name", a.name,
                 "Folder below output_dir/sweeps (default: the configuration's name and 8 digits "
                 "that stand for this sweep)");
  app.add_flag("--fresh", a.fresh, "Begin anew instead of going on with an interrupted sweep");
  declare_outputs(app, a);
}

/// What the command line asks for.
struct Request {
  ConfigArguments config;  ///< the file and what holds for every point
  std::vector<SweepAxis> axes;
  std::optional<SweepSearch> search;

  [[nodiscard]] SweepSettings first_point() const {
    if (search) return {{search->range.key, load_text(search->range.low)}};
    return sweep_points(axes).front();
  }
};

Request read_request(const SweepArguments& a) {
  Request out;
  out.config = sort_arguments(a.words);
  out.config.strict = a.strict;
  std::vector<std::string> plain;
  for (const std::string& word : out.config.overrides) {
    if (auto axis = parse_sweep_axis(word)) {
      out.axes.push_back(std::move(*axis));
    } else {
      plain.push_back(word);
    }
  }
  out.config.overrides = std::move(plain);
  if (!a.search.empty()) out.search = {parse_search_range(a.search), a.target};
  if (out.search) {
    out.search->range.tolerance = a.tolerance;
    out.search->range.max_probes = a.max_points;
  }
  if (out.search && !out.axes.empty()) {
    throw ConfigError("--search measures one key; " + out.axes.front().key +
                      " has several values. Search once for each of them.");
  }
  if (!out.search && out.axes.empty()) {
    throw ConfigError(
        "nothing is swept: give a key several values, such as "
        "scenario.load.concurrency=1,2,4, or --search KEY=LOW..HIGH");
  }
  return out;
}

/// The name as a folder: no separators.
std::string folder_name(std::string name) {
  for (char& c : name) {
    if (c == '/' || c == ' ') c = '-';
  }
  return name;
}

/// What stands before a log line on the terminal, by level.
constexpr std::array kLogPrefixes = {"debug: ", "", "warning: ", "error: "};

class SweepCommand {
 public:
  explicit SweepCommand(const SweepArguments& arguments)
      : arguments_(arguments), request_(read_request(arguments)), display_(arguments.quiet) {
    choose_first();
    check_points();
    describe();
    set_download_display(
        [this](const DownloadState& state) { display_.update(download_.update(state, now_ns())); });
  }
  ~SweepCommand() { set_download_display({}); }
  SweepCommand(const SweepCommand&) = delete;
  SweepCommand& operator=(const SweepCommand&) = delete;

  ExitCode execute() {
    if (!arguments_.fresh) manifest_ = resumed(std::move(manifest_), path_);
    if (arguments_.dry_run) return list_points();
    require_outputs_writable();
    const LogFile log = open_log();
    const ExitCode code = measure();
    report();
    return code;
  }

 private:
  void choose_first() {
    ConfigArguments arguments = request_.config;
    for (std::string& o : overrides_of(request_.first_point())) {
      arguments.overrides.push_back(std::move(o));
    }
    ConfigChoice choice = choose_config(arguments);
    first_ = std::move(choice.loaded.config);
    warnings_ = std::move(choice.loaded.warnings);
    if (!choice.notice.empty()) warnings_.push_back(choice.notice);
    request_.config.path = choice.path;
  }

  [[nodiscard]] BenchmarkConfig load(const SweepSettings& settings) const {
    LoadOptions options{.path = request_.config.path,
                        .overrides = request_.config.overrides,
                        .strict = request_.config.strict};
    for (std::string& o : overrides_of(settings)) options.overrides.push_back(std::move(o));
    return load_config(options).config;
  }

  /// All of them, before the first is measured.
  void check_points() const {
    if (request_.search) {
      require_slo();
      require_load_effect(request_.first_point(), first_.scenario.load);
      return;
    }
    for (const SweepSettings& point : sweep_points(request_.axes)) {
      require_load_effect(point, load(point).scenario.load);
    }
  }

  void require_slo() const {
    const Json& slo = first_.scenario.slo;
    for (const auto& [key, limit] : slo.items()) {
      if (!limit.is_null()) return;
    }
    throw ConfigError(
        "--search needs a service level to meet: set scenario.slo, such as "
        "scenario.slo.ttft_ms=500");
  }

  void describe() {
    manifest_.config = to_public_json(first_);
    manifest_.axes = request_.axes;
    manifest_.search = request_.search;
    manifest_.name = folder_name(arguments_.name);
    if (manifest_.name.empty()) {
      manifest_.name = folder_name(first_.name) + "-" + sweep_fingerprint(manifest_);
    }
    path_ = (fs::path(first_.output_dir) / "sweeps" / manifest_.name / "manifest.json").string();
  }

  ExitCode list_points() const {
    std::string out = "Sweep " + manifest_.name + " (nothing is run)\n";
    if (request_.search) {
      const SearchStep step = next_search_step(request_.search->range, manifest_.probes());
      out += std::to_string(manifest_.entries.size()) + " points are measured; " +
             (step.state == SearchState::kProbe ? "next: " + load_text(step.next) : "it is over") +
             "\n";
    } else {
      for (const SweepSettings& point : sweep_points(request_.axes)) {
        out += label_of(point) + (manifest_.find(point) ? "  (measured)" : "") + "\n";
      }
    }
    std::fputs(out.c_str(), stdout);
    return ExitCode::kOk;
  }

  void require_outputs_writable() const {
    for (const std::string& path : {arguments_.json, arguments_.csv, arguments_.html}) {
      if (path.empty() || path == kStdout) continue;
      refuse_overwriting(path, {request_.config.path, first_.scenario.dataset_name});
      require_writable(path);
    }
  }

  LogFile open_log() {
    const log::Level level = chosen_log_level("").value_or(log::Level::kWarning);
    return LogFile({.path = (fs::path(first_.output_dir) / "benchmark.log").string(),
                    .level = log::Level::kInfo,
                    .echo_level = arguments_.quiet ? log::Level::kError : level,
                    .echo = [this](log::Level line_level, std::string_view text) {
                      if (is_repeated(line_level, text)) return;
                      display_.print(kLogPrefixes.at(static_cast<size_t>(line_level)) +
                                     std::string(text));
                    }});
  }

  /// Every point has the same things to warn of; the log file keeps them all.
  bool is_repeated(log::Level level, std::string_view text) {
    const std::lock_guard lock(shown_mutex_);
    return level == log::Level::kWarning && !shown_.emplace(text).second;
  }

  ExitCode measure() {
    for (const std::string& warning : warnings_) log::warning(warning);
    if (!manifest_.entries.empty()) {
      say("Goes on with " + path_ + ": " + std::to_string(manifest_.entries.size()) +
          " points are measured already (--fresh begins anew).");
    }
    const InterruptGuard interrupt([this] {
      display_.print(
          "Stopping; the points that are measured are kept, and the same command goes on. "
          "Press Ctrl-C again to stop at once.");
    });
    const SweepHooks hooks{
        .load = [this](const SweepSettings& settings) { return load(settings); },
        .run = [&](const BenchmarkConfig& config) { return run(config, interrupt.token()); },
        .say = [this](const std::string& text) { say(text); },
        .stop = interrupt.token()};
    const ExitCode code = SweepRunner(manifest_, path_, hooks).execute();
    display_.clear();
    return code;
  }

  RunOutcome run(const BenchmarkConfig& config, const std::stop_token& stop) {
    return run_benchmark(
        config, {.trace_path = "", .stop = stop, .on_progress = [this](const Progress& progress) {
                   display_.update(progress);
                 }});
  }

  void say(const std::string& text) {
    log::info(text);
    if (!arguments_.quiet) display_.print(text);
  }

  [[nodiscard]] std::string conclusion() const {
    if (!manifest_.search) return "";
    const SearchStep step = next_search_step(manifest_.search->range, manifest_.probes());
    if (step.state == SearchState::kProbe) return "The search is not over.";
    return search_sentence(manifest_.search->range, step, manifest_.search->target);
  }

  void report() {
    const std::vector<SweepRow> rows = sweep_rows(manifest_);
    const std::string folder = fs::absolute(path_).lexically_normal().parent_path().string();
    show(rows);
    put(arguments_.json, json_document(sweep_json(manifest_, rows, conclusion(), folder)));
    put(arguments_.csv, sweep_csv(rows));
    if (arguments_.html.empty()) return;
    const std::string page = sweep_page(rows);
    if (page.empty()) {
      throw DataError("no page was written: fewer than two points were measured");
    }
    write_file(arguments_.html, page);
  }

  /// Where stdout belongs to a document, the table goes to stderr.
  void show(const std::vector<SweepRow>& rows) {
    if (arguments_.quiet) return;
    std::string text = "\n" + sweep_table(rows, stdout_style());
    if (const std::string found = conclusion(); !found.empty()) text += "\n" + found + "\n";
    text += "\nSweep " + path_ + "\n";
    const bool taken = arguments_.json == kStdout || arguments_.csv == kStdout;
    std::fputs(text.c_str(), taken ? stderr : stdout);
  }

  static void put(const std::string& path, const std::string& text) {
    if (path.empty()) return;
    if (path == kStdout) {
      std::fputs(text.c_str(), stdout);
    } else {
      write_file(path, text);
    }
  }

  const SweepArguments& arguments_;
  Request request_;
  BenchmarkConfig first_;
  std::vector<std::string> warnings_;
  SweepManifest manifest_;
  std::string path_;
  std::mutex shown_mutex_;
  std::set<std::string> shown_;  ///< warnings
  ProgressDisplay display_;
  DownloadView download_;
};

}  // namespace

Action declare_sweep(CLI::App& app) {
  const auto arguments = std::make_shared<SweepArguments>();
  declare_options(app, *arguments);
  app.footer(
      "Every point is an ordinary run (aieb list, show, report work on it). After each the "
      "manifest\n"
      "in output_dir/sweeps is replaced; the same command goes on with what is missing.");
  return [arguments] { return SweepCommand(*arguments).execute(); };
}

}  // namespace aieb::cli
