#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "meters/perf_events.h"

namespace aieb::test {

/// A kernel whose counts a test sets: by (config, cpu).
struct FakePerf {
  std::map<int, std::pair<uint64_t, int>> open;
  std::map<std::pair<uint64_t, int>, uint64_t> counts;
  int refuse = 0;  ///< errno of every open
  int broken = 0;  ///< errno of every read
  uint32_t type = 0;
  int closed = 0;

  PerfCalls calls() {
    PerfCalls out;
    out.open = [this](uint32_t t, uint64_t config, int cpu) {
      if (refuse != 0) return -refuse;
      type = t;
      const int fd = 100 + static_cast<int>(open.size());
      open[fd] = {config, cpu};
      return fd;
    };
    out.read = [this](int fd, int& error) -> std::optional<uint64_t> {
      error = broken;
      return broken != 0 ? std::nullopt : std::optional(counts[open.at(fd)]);
    };
    out.close = [this](int) { ++closed; };
    return out;
  }
};

}  // namespace aieb::test
