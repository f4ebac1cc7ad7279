#include "python/benchmark_run.h"

#include <chrono>
#include <exception>
#include <utility>

namespace aieb::python {

BenchmarkRun::BenchmarkRun(BenchmarkConfig config, RunOptions options)
    : config_(std::move(config)), options_(std::move(options)) {
  options_.stop = stop_.get_token();
  options_.on_progress = [this](const Progress& progress) {
    const std::lock_guard lock(mutex_);
    progress_ = progress;
  };
  thread_ = std::thread([this] { execute(); });
}

BenchmarkRun::~BenchmarkRun() {
  stop_.request_stop();
  thread_.join();
}

void BenchmarkRun::execute() {
  std::optional<RunOutcome> outcome;
  std::exception_ptr failure;
  try {
    outcome = run_benchmark(config_, options_);
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  failure_ = failure;
  over_ = true;
  finished_.notify_all();
}

bool BenchmarkRun::wait(double timeout_s) {
  std::unique_lock lock(mutex_);
  return finished_.wait_for(lock, std::chrono::duration<double>(timeout_s),
                            [this] { return over_; });
}

std::optional<Progress> BenchmarkRun::take_progress() {
  const std::lock_guard lock(mutex_);
  return std::exchange(progress_, std::nullopt);
}

RunOutcome& BenchmarkRun::outcome() {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  return outcome_.value();
}

}  // namespace aieb::python
