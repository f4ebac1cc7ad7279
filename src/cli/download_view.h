#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/progress.h"
#include "runner/runner.h"

namespace aieb::cli {

/// Turns the states of downloads into what the live line shows: bytes, rate, time left.
class DownloadView {
 public:
  /// `now_ns`: monotonic time of the state.
  Progress update(const DownloadState& state, int64_t now_ns);

 private:
  std::optional<int64_t> start_ns_;
  int64_t start_bytes_ = 0;
  int64_t total_ = 0;
  int64_t last_bytes_ = 0;
};

}  // namespace aieb::cli
