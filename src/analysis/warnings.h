#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/sources.h"
#include "core/results.h"
#include "core/trace_data.h"

namespace aieb {

/// Sensor readings that the measured window must hold, and its least length in s (CONTRACTS).
constexpr double kLeastPeriods = 20;
constexpr double kLeastWindow_s = 5;

/// What a reader of the results should know, each in plain words with what to change.
std::vector<std::string> find_warnings(const Trace& trace, const EnergySources& sources,
                                       std::span<const TimeSpan> idle, const Results& results);

}  // namespace aieb
