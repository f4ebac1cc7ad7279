#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meters/discover.h"

namespace aieb {

/// One line of `aieb doctor`.
struct Check {
  enum State { ok, warn, fail };
  std::string what;
  State state = ok;
  std::string detail;
  std::string fix;  ///< a command or setting; empty if there is none
};

/// What can be measured on this machine and how well: the NVIDIA driver, every GPU's energy and
/// power (its counter is held against its integrated power), CPU and memory. Watches the sensors
/// for `watch_ns`. `warn`: works, but less well than it could; `fail`: present and not usable.
std::vector<Check> check_sensors(const MeterOptions& options, int64_t watch_ns = 1'200'000'000);

}  // namespace aieb
