#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "runner/progress_sink.h"
#include "runner/runner.h"

namespace aieb {

/// How long a phase takes, as far as it is known beforehand.
struct ExpectedLength {
  int64_t prompts = 0;                              ///< 0: unknown
  std::optional<double> duration_s = std::nullopt;  ///< the phase ends by the clock
  /// The prompts are asked again until this much time has passed; 0: once.
  double at_least_s = 0;
};

/// Time until a phase that has finished `finished` prompts in `elapsed_s` is over.
std::optional<double> remaining_s(const ExpectedLength& length, double elapsed_s, int64_t finished);

/// Calls `RunOptions::on_progress` five times a second from a thread of its own, which sleeps in
/// between so that it does not disturb the measurement.
class ProgressReporter {
 public:
  using Callback = std::function<void(const Progress&)>;
  using PowerReading = std::function<std::optional<double>()>;

  /// `on_progress` may be empty: then there is no thread.
  ProgressReporter(Callback on_progress, ProgressSink& counts, PowerReading power_w);
  ~ProgressReporter();

  /// Starts a new phase: counts begin at 0.
  void begin(const std::string& phase, const ExpectedLength& length = {});

 private:
  void loop(const std::stop_token& stop);
  [[nodiscard]] Progress snapshot();

  Callback on_progress_;
  ProgressSink& counts_;
  PowerReading power_w_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::string phase_;
  ExpectedLength length_;
  int64_t phase_start_ns_ = 0;
  std::jthread thread_;
};

}  // namespace aieb
