#include "runner/progress_reporter.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "core/clock.h"
#include "core/log.h"

namespace aieb {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(200);

}  // namespace

std::optional<double> remaining_s(const ExpectedLength& length, double elapsed_s,
                                  int64_t finished) {
  if (length.duration_s) return std::max(0.0, *length.duration_s - elapsed_s);
  const double at_least_s = length.at_least_s - elapsed_s;
  if (finished == 0 || length.prompts == 0) {
    return at_least_s > 0 ? std::optional(at_least_s) : std::nullopt;
  }
  // Passes are asked whole, so the phase ends with the first one that ends late enough.
  const double prompt_s = elapsed_s / static_cast<double>(finished);
  const double pass_s = prompt_s * static_cast<double>(length.prompts);
  const double begun = static_cast<double>(finished) / static_cast<double>(length.prompts);
  const double passes = std::max({1.0, std::ceil(begun), std::ceil(length.at_least_s / pass_s)});
  return std::max(0.0, passes * pass_s - elapsed_s);
}

ProgressReporter::ProgressReporter(Callback on_progress, ProgressSink& counts, PowerReading power_w)
    : on_progress_(std::move(on_progress)), counts_(counts), power_w_(std::move(power_w)) {
  if (on_progress_) {
    thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
  }
}

ProgressReporter::~ProgressReporter() = default;

void ProgressReporter::begin(const std::string& phase, const ExpectedLength& length) {
  log::info("phase: " + phase);
  const std::lock_guard lock(mutex_);
  phase_ = phase;
  length_ = length;
  phase_start_ns_ = now_ns();
  counts_.reset();
}

void ProgressReporter::loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kInterval, [] { return false; });
    if (phase_.empty()) continue;
    const Progress progress = snapshot();
    lock.unlock();
    on_progress_(progress);
    lock.lock();
  }
}

Progress ProgressReporter::snapshot() {
  Progress p;
  p.phase = phase_;
  p.prompts_done = counts_.done();
  p.prompts_failed = counts_.failed();
  p.prompts_total = length_.at_least_s > 0 ? 0 : length_.prompts;
  p.tokens = counts_.tokens();
  p.watts = power_w_();
  const double elapsed = seconds(now_ns() - phase_start_ns_);
  p.elapsed_s = elapsed;
  if (p.tokens > 0 && elapsed > 0) p.tokens_per_s = static_cast<double>(p.tokens) / elapsed;
  p.remaining_s = remaining_s(length_, elapsed, p.prompts_done + p.prompts_failed);
  return p;
}

}  // namespace aieb
