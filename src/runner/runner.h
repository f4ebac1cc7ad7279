#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "config/config.h"
#include "core/error.h"
#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// What a person sees while a run goes on.
struct Progress {
  std::string phase;   ///< "loading model", "idle power", "cooling down", "warm-up", "measuring"
  std::string detail;  ///< further words, e.g. how much of a download is done
  int64_t prompts_done = 0;
  int64_t prompts_failed = 0;
  int64_t prompts_total = 0;  ///< 0: not known beforehand
  int64_t tokens = 0;
  std::optional<double> tokens_per_s;
  std::optional<double> watts;  ///< absent: no power reading (yet)
  std::optional<double> elapsed_s;
  std::optional<double> remaining_s;
};

/// Measures something beside the energy of the measured phase, e.g. network traffic.
class Collector {
 public:
  virtual ~Collector() = default;
  [[nodiscard]] virtual std::string name() const = 0;

  /// Called right before and right after each measure phase. What goes wrong is said in the value
  /// of `stop`: neither throws.
  virtual void start() = 0;
  virtual Json stop() = 0;
};

struct RunOptions {
  std::string trace_path;  ///< empty: <output_dir>/runs/<UTC time>-<name>-<6 hex>.db
  std::stop_token stop;    ///< requested on Ctrl-C: finish what is recorded and report it
  std::function<void(const Progress&)> on_progress;  ///< about 5 times a second, from one thread
  /// Makes the backend; empty: backends/registry.h.
  std::function<std::unique_ptr<Backend>(const BenchmarkConfig&)> make_backend = {};
  std::vector<std::shared_ptr<Collector>> collectors = {};
};

struct RunOutcome {
  Results results;
  std::string trace_path;
  ExitCode exit_code = ExitCode::kOk;
  std::string error;  ///< why the measurement ended early; empty when it did not
};

/// What `run_benchmark` does before it measures or loads anything: checks the configuration, plans
/// the prompts and has the backend look at its model or ask its server. Throws as that does.
void check_benchmark(const BenchmarkConfig& config, const RunOptions& options);

/// Runs one benchmark: validate, load, idle, warm-up, measure, report to the trace, analyse.
/// Throws Error when no result could be had; requests that failed are data in the results.
RunOutcome run_benchmark(const BenchmarkConfig& config, const RunOptions& options);

}  // namespace aieb
