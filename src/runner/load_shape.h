#pragma once

#include <optional>
#include <vector>

#include "config/config.h"
#include "core/request.h"

namespace aieb {

/// A stretch of time in which the mean rate of arrivals goes evenly from one value to another.
struct RateStage {
  double duration_s = 0;  ///< infinite: without end
  double from = 0;        ///< 1/s
  double to = 0;          ///< 1/s
};

/// What `scenario.load` asks for over time, checked.
struct LoadShape {
  std::vector<RateStage> rates;               ///< of the modes constant, poisson, gamma; else empty
  std::vector<ConcurrencyStage> concurrency;  ///< of closed with stages, else empty
  std::optional<double> duration_s;           ///< absent: a number of requests ends the load
};

/// True for the modes in which requests leave at planned times, whatever the server does.
bool is_open_loop(const LoadConfig& load);

/// Reads `request_rate`, `duration_s` and `stages`. A stage is a mapping {duration_s, request_rate}
/// or {duration_s, concurrency}; the value is a number or [from, to], a linear ramp.
/// Throws ConfigError naming the key when something is missing or does not fit the mode.
LoadShape load_shape(const LoadConfig& load);

}  // namespace aieb
