#pragma once

#include <cstdint>
#include <vector>

#include "analysis/sources.h"
#include "core/results.h"

namespace aieb {

/// Power of every chosen domain from `origin_ns` to `end_ns`, at most kPowerPoints a domain: where
/// there are more, the time is cut into pieces of equal length, of which each keeps its smallest
/// and its largest power, in their order.
std::vector<PowerSeries> power_series(const EnergySources& sources, int64_t origin_ns,
                                      int64_t end_ns);

constexpr size_t kPowerPoints = 1200;

}  // namespace aieb
