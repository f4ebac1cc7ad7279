#include "runner/progress_reporter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/clock.h"
#include "core/log.h"

namespace aieb {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(200);

}  // namespace

ProgressReporter::ProgressReporter(Callback on_progress, ProgressSink& counts, PowerReading power_w)
    : on_progress_(std::move(on_progress)), counts_(counts), power_w_(std::move(power_w)) {
  if (on_progress_) {
    thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
  }
}

ProgressReporter::~ProgressReporter() = default;

void ProgressReporter::begin(const std::string& phase, int64_t total_prompts,
                             std::optional<double> duration_s) {
  log::info("phase: " + phase);
  const std::lock_guard lock(mutex_);
  phase_ = phase;
  total_prompts_ = total_prompts;
  duration_s_ = duration_s;
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
  p.prompts_total = total_prompts_;
  p.tokens = counts_.tokens();
  p.watts = power_w_();
  const double elapsed = seconds(now_ns() - phase_start_ns_);
  p.elapsed_s = elapsed;
  if (p.tokens > 0 && elapsed > 0) p.tokens_per_s = static_cast<double>(p.tokens) / elapsed;
  const int64_t finished = p.prompts_done + p.prompts_failed;
  if (duration_s_) {
    p.remaining_s = std::max(0.0, *duration_s_ - elapsed);
  } else if (finished > 0 && total_prompts_ > 0) {
    p.remaining_s = elapsed / static_cast<double>(finished) *
                    static_cast<double>(std::max<int64_t>(0, total_prompts_ - finished));
  }
  return p;
}

}  // namespace aieb
