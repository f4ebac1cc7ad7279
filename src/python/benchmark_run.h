#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "config/config.h"
#include "runner/runner.h"

namespace aieb::python {

/// One benchmark on a thread of its own, so that the calling thread can go on handling signals and
/// showing progress.
class BenchmarkRun {
 public:
  BenchmarkRun(BenchmarkConfig config, RunOptions options);
  /// Stops and waits. The GIL must not be held.
  ~BenchmarkRun();
  BenchmarkRun(const BenchmarkRun&) = delete;
  BenchmarkRun& operator=(const BenchmarkRun&) = delete;

  /// Whether the run is over; waits at most this long for that.
  bool wait(double timeout_s);

  /// Asks it to end; what was answered is kept.
  void stop() { stop_.request_stop(); }

  /// The latest; absent when nothing is new since the last call.
  std::optional<Progress> take_progress();

  /// After `wait` said true. Throws what ended the run without a result.
  RunOutcome& outcome();

 private:
  void execute();

  const BenchmarkConfig config_;
  RunOptions options_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable finished_;
  bool over_ = false;
  std::optional<Progress> progress_;
  std::optional<RunOutcome> outcome_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace aieb::python
