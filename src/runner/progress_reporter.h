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

/// Calls `RunOptions::on_progress` five times a second from a thread of its own, which sleeps in
/// between so that it does not disturb the measurement.
class ProgressReporter {
 public:
  using Callback = std::function<void(const Progress&)>;
  using PowerReading = std::function<std::optional<double>()>;

  /// `on_progress` may be empty: then there is no thread.
  ProgressReporter(Callback on_progress, ProgressSink& counts, PowerReading power_w);
  ~ProgressReporter();

  /// Starts a new phase: counts begin at 0. `total_prompts` 0 and no `duration_s`: unknown length.
  void begin(const std::string& phase, int64_t total_prompts, std::optional<double> duration_s);

 private:
  void loop(const std::stop_token& stop);
  [[nodiscard]] Progress snapshot();

  Callback on_progress_;
  ProgressSink& counts_;
  PowerReading power_w_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::string phase_;
  int64_t total_prompts_ = 0;
  std::optional<double> duration_s_;
  int64_t phase_start_ns_ = 0;
  std::jthread thread_;
};

}  // namespace aieb
