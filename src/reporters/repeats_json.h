#pragma once

#include <vector>

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// A list of the repeats, each with its energies, rates, mean latencies and flags.
Json repeats_json(const std::vector<RepeatResult>& repeats);
std::vector<RepeatResult> repeats_from(const Json& json);

/// A list of {key, label, unit, method, count, mean, std, half_width, systematic}.
Json intervals_json(const std::vector<MetricInterval>& intervals);
std::vector<MetricInterval> intervals_from(const Json& json);

}  // namespace aieb
