#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "backends/backend.h"
#include "core/error.h"
#include "runner/phase_scope.h"
#include "runner/planner.h"
#include "runner/progress_reporter.h"
#include "runner/run_watch.h"

namespace aieb {

/// What measuring needs from the run around it.
struct RepeatParts {
  const Plan& plan;
  Backend& backend;
  EventSink& sink;
  RunWatch& watch;
  PhaseLog& phases;
  ProgressReporter& progress;
  std::stop_token stop;
  std::function<void()> before_measure;  ///< right before each measure phase, and right after
  std::function<void()> after_measure;
};

/// The measured part of a run as its protocol says: before each repeat the GPUs cool down, the
/// warm-up goes on until it is stable and a random pause passes; a measure phase that is too short
/// is extended, refused, or left to be flagged. Each decision is an event of the trace (`cooldown`,
/// `warmup`, `repeat`), from which the analysis flags repeats.
class RepeatRunner {
 public:
  explicit RepeatRunner(const RepeatParts& parts) : parts_(parts) {}

  /// Returns what ended the measurement early: a backend that cannot go on, a window that the
  /// protocol refuses. Results are kept either way. Errors of the warm-up are thrown.
  std::optional<Error> execute();

 private:
  void cool_down(int repeat);
  void warm_up(int repeat);
  double warm_up_once();
  void measure(int repeat);
  int run_passes(int repeat, const PhaseScope& phase);
  [[nodiscard]] bool stopped() const { return parts_.stop.stop_requested(); }
  [[nodiscard]] int64_t free_id() const;
  void note(const char* kind, Json data) const;

  const RepeatParts& parts_;
  int passes_ = 0;
  int warmup_rounds_ = 0;
  std::optional<Error> failure_;
};

/// Whether the last `window` of these rates vary by no more than `limit` (standard deviation over
/// mean). False as long as there are fewer.
bool is_stable(std::span<const double> rates, int window, double limit);

}  // namespace aieb
