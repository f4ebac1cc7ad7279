#include "cli/sweep_runner.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <fmt/format.h>

#include "reporters/file_output.h"
#include "reporters/json_access.h"

namespace aieb::cli {
namespace {

namespace fs = std::filesystem;

std::string folder_of(const std::string& path) {
  return fs::absolute(path).lexically_normal().parent_path().string();
}

std::string absolute(const std::string& path) {
  return path.empty() ? path : fs::absolute(path).lexically_normal().string();
}

/// Why a run that ended does not count as a measured point; empty if it does.
std::string failure_of(const RunOutcome& outcome, bool search) {
  const Results& r = outcome.results;
  if (search && r.goodput) return "";  // a load that breaks the server misses: that is an answer
  if (!outcome.error.empty()) return outcome.error;
  if (search) return "its goodput is not known; aieb report " + outcome.trace_path + " says why";
  if (r.successful_prompts > 0) return "";
  for (const RequestResult& request : r.requests) {
    if (!request.record.error.empty()) return "no request was answered: " + request.record.error;
  }
  return "no request was answered";
}

}  // namespace

ExitCode SweepRunner::execute() {
  save();
  if (manifest_.search) {
    run_search();
  } else {
    run_grid();
  }
  if (hooks_.stop.stop_requested()) return ExitCode::kInterrupted;
  const bool ok = std::ranges::all_of(manifest_.entries, [this](const SweepEntry& e) {
    return e.measured() && (e.exit_code == 0 || manifest_.search);
  });
  return ok ? ExitCode::kOk : ExitCode::kSomePromptsFailed;
}

SearchStep SweepRunner::search_step() const {
  return next_search_step(manifest_.search->range, manifest_.probes());
}

void SweepRunner::run_grid() {
  const std::vector<SweepSettings> points = sweep_points(manifest_.axes);
  for (size_t i = 0; i < points.size() && !hooks_.stop.stop_requested(); ++i) {
    if (manifest_.find(points[i])) continue;
    measure(points[i], fmt::format("Point {} of {}", i + 1, points.size()));
  }
}

void SweepRunner::run_search() {
  while (!hooks_.stop.stop_requested()) {
    const SearchStep step = search_step();
    if (step.state != SearchState::kProbe) return;
    const std::string interval =
        step.met || step.missed ? fmt::format(" (so far {} meets, {} does not)",
                                              step.met ? load_text(*step.met) : "nothing",
                                              step.missed ? load_text(*step.missed) : "nothing")
                                : "";
    const SweepSettings settings = {{manifest_.search->range.key, load_text(step.next)}};
    const std::string position = fmt::format("Point {}{}", manifest_.entries.size() + 1, interval);
    if (!measure(settings, position)) return;
  }
}

/// False when the point failed. An interrupted one is not recorded: it is measured again.
bool SweepRunner::measure(const SweepSettings& settings, const std::string& position) {
  hooks_.say(position + ": " + label_of(settings));
  SweepEntry entry{.settings = settings};
  try {
    const RunOutcome outcome = hooks_.run(hooks_.load(settings));
    if (hooks_.stop.stop_requested()) return true;
    entry = outcome_entry(settings, outcome);
  } catch (const Error& error) {
    if (hooks_.stop.stop_requested()) return true;
    entry.failure = error.what();
    entry.exit_code = static_cast<int>(error.exit_code());
  }
  if (!entry.measured()) hooks_.say(label_of(settings) + " failed: " + entry.failure);
  manifest_.record(entry);
  save();
  return entry.measured();
}

SweepEntry SweepRunner::outcome_entry(const SweepSettings& settings,
                                      const RunOutcome& outcome) const {
  SweepEntry entry{.settings = settings,
                   .failure = failure_of(outcome, manifest_.search.has_value()),
                   .exit_code = static_cast<int>(outcome.exit_code),
                   .trace = absolute(outcome.trace_path)};
  const auto& goodput = outcome.results.goodput;
  if (manifest_.search && goodput) {
    entry.met = outcome.error.empty() && goodput->fraction >= manifest_.search->target;
  }
  return entry;
}

void SweepRunner::save() const {
  write_file(path_, json_document(to_json(manifest_, folder_of(path_))));
}

SweepManifest resumed(SweepManifest manifest, const std::string& path) {
  std::ifstream in(path);
  if (!in) return manifest;
  const Json json = Json::parse(in, nullptr, false);
  SweepManifest old;
  try {
    old = manifest_from_json(json, folder_of(path));
  } catch (const DataError& error) {
    throw DataError(path + ": " + error.what() + ". --fresh begins anew.");
  }
  if (!manifest.same_sweep(old)) {
    throw ConfigError(path +
                      " is of another sweep: its configuration, its grid or its search differ. "
                      "Give this one another --name, or begin anew with --fresh.");
  }
  std::erase_if(old.entries,
                [](const SweepEntry& e) { return !e.measured() || !fs::exists(e.trace); });
  manifest.entries = std::move(old.entries);
  return manifest;
}

}  // namespace aieb::cli
