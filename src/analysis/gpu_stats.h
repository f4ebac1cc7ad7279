#pragma once

#include <span>
#include <vector>

#include "analysis/sources.h"
#include "core/results.h"
#include "core/trace_data.h"

namespace aieb {

/// State of every GPU of the trace over the windows.
///
/// A state domain belongs to the GPU of its `index`; its unit and, after the last '/', its name say
/// what it is: "%" utilization and memory_utilization, "B" memory_used and memory_total, "degC"
/// temperature and memory_temperature, "MHz" sm_clock and memory_clock, "mW" memory_power and
/// power_limit, "W" any power. Means are over time (each value holds until the next reading).
std::vector<GpuStats> gpu_stats(const Trace& trace, const EnergySources& sources,
                                const WindowEnergy& measured, std::span<const TimeSpan> windows);

}  // namespace aieb
