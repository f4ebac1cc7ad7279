#include "cli/progress_display.h"

#include <cstdio>

#include <unistd.h>

#include "cli/progress_line.h"
#include "core/clock.h"
#include "core/text.h"

namespace aieb::cli {
namespace {

constexpr int64_t kLogIntervalNs = 5'000'000'000;
constexpr int64_t kPowerIntervalNs = 1'000'000'000;  ///< between two blocks of the sparkline
constexpr size_t kPowerValues = 10;
constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

ProgressDisplay::ProgressDisplay(bool quiet) : quiet_(quiet), console_(console_of(STDERR_FILENO)) {}

ProgressDisplay::~ProgressDisplay() { clear(); }

void ProgressDisplay::update(const Progress& progress) {
  if (quiet_) return;
  const std::lock_guard lock(mutex_);
  if (console_.tty) {
    draw(progress);
  } else {
    log(progress);
  }
}

void ProgressDisplay::print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  const std::string live = shown_;
  erase_line();
  const std::string line = printable(text, "\n\t") + "\n" + live;
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  shown_ = live;
}

void ProgressDisplay::clear() {
  const std::lock_guard lock(mutex_);
  erase_line();
}

void ProgressDisplay::erase_line() {
  if (shown_.empty()) return;
  std::fputs(kEraseLine, stderr);
  std::fflush(stderr);
  shown_.clear();
}

void ProgressDisplay::draw(const Progress& progress) {
  // The window may have been resized; the last column stays free, so that no terminal wraps.
  const size_t width = console_of(STDERR_FILENO).width;
  remember_power(progress);
  const std::string line = progress_bar(progress, width > 1 ? width - 1 : 1, watts_);
  if (line == shown_) return;
  std::fputs((kEraseLine + line).c_str(), stderr);
  std::fflush(stderr);
  shown_ = line;
}

void ProgressDisplay::remember_power(const Progress& progress) {
  const int64_t now = now_ns();
  if (!progress.watts || now - last_watts_ns_ < kPowerIntervalNs) return;
  if (watts_.size() == kPowerValues) watts_.erase(watts_.begin());
  watts_.push_back(*progress.watts);
  last_watts_ns_ = now;
}

void ProgressDisplay::log(const Progress& progress) {
  const int64_t now = now_ns();
  if (progress.phase == last_phase_ && now - last_log_ns_ < kLogIntervalNs) return;
  const std::string line =
      progress.phase == last_phase_ ? progress_sentence(progress) + "\n" : progress.phase + " …\n";
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
  last_phase_ = progress.phase;
  last_log_ns_ = now;
}

}  // namespace aieb::cli
