#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/error.h"
#include "runner/runner.h"
#include "runner/sweep_manifest.h"

namespace aieb::cli {

/// Loads the configuration of one point. Throws ConfigError.
using LoadPoint = std::function<BenchmarkConfig(const SweepSettings&)>;

/// What a sweep needs from its surroundings.
struct SweepHooks {
  LoadPoint load;
  std::function<RunOutcome(const BenchmarkConfig&)> run;
  std::function<void(const std::string&)> say;  ///< a line for a person
  std::stop_token stop;
};

/// Measures what is left of a sweep, one run after the other, and keeps the manifest on disk up to
/// date: it is replaced as a whole after every point, so that at most the point that was running is
/// measured again after a crash.
class SweepRunner {
 public:
  SweepRunner(SweepManifest& manifest, std::string manifest_path, const SweepHooks& hooks)
      : manifest_(manifest), path_(std::move(manifest_path)), hooks_(hooks) {}

  /// kOk; kSomePromptsFailed when a point failed or some of its requests did; kInterrupted.
  /// A failed point does not stop a grid. It ends a search, which cannot decide without it.
  ExitCode execute();

  /// Where a search stands. Only for a search.
  [[nodiscard]] SearchStep search_step() const;

 private:
  void run_grid();
  void run_search();
  bool measure(const SweepSettings& settings, const std::string& position);
  SweepEntry outcome_entry(const SweepSettings& settings, const RunOutcome& outcome) const;
  void save() const;

  SweepManifest& manifest_;
  std::string path_;
  const SweepHooks& hooks_;
};

/// `manifest` with the points of the file at `path`, if that is of the same sweep; failed points
/// and those whose trace is gone are left out, since they are measured again. Throws ConfigError
/// when the file is of another sweep, DataError when it cannot be read.
SweepManifest resumed(SweepManifest manifest, const std::string& path);

}  // namespace aieb::cli
