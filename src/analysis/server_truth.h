#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/readings.h"
#include "core/results.h"
#include "core/server_truth.h"
#include "core/trace_data.h"

namespace aieb {

/// What the server said of itself during the measured spans: means and maxima of its gauges over
/// the readings within, rises of its counters over the last reading before each span and the first
/// complete one after it. Absent when none of its pages was read. A counter that fell (the server
/// was restarted) is unknown.
std::optional<ServerTruth> server_truth(const Trace& trace, std::span<const TimeSpan> measured,
                                        int64_t origin_ns);

/// Differences between its tokens and ours that a reader must know of.
std::vector<std::string> server_warnings(const ServerTruth& server, const Results& results);

}  // namespace aieb
