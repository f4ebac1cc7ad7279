#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.h"
#include "runner/runner.h"

namespace aieb::cli {

/// Shows a run while it goes on, on stderr: on a terminal one line that is drawn again and again,
/// elsewhere a plain line at every new phase and every few seconds. Thread-safe.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(bool quiet);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void update(const Progress& progress);

  /// A line that stays, above the live one. Shown even when quiet.
  void print(std::string_view text);

  /// Removes the live line; later updates draw it again.
  void clear();

 private:
  void erase_line();
  void draw(const Progress& progress);
  void log(const Progress& progress);
  void remember_power(const Progress& progress);

  const bool quiet_;
  const Console console_;
  std::mutex mutex_;
  std::string shown_;  ///< the live line now on the terminal
  std::string last_phase_;
  int64_t last_log_ns_ = 0;
  std::vector<double> watts_;  ///< of the last seconds, oldest first
  int64_t last_watts_ns_ = 0;
};

}  // namespace aieb::cli
