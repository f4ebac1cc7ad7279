#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "analysis/readings.h"
#include "core/trace_data.h"

namespace aieb {

/// What the events of a trace say about the measured phases: throttled GPUs, GPUs shared with other
/// processes or split into instances, and the warnings that the run itself wrote down.
std::vector<std::string> event_warnings(const Trace& trace);

/// Events of one `kind` tell that a GPU's list (of throttle reasons, of processes) is now another
/// one. What was listed at any time within the windows, by GPU, in words.
std::map<int, std::set<std::string>> listed_during(const Trace& trace, const std::string& kind,
                                                   const char* list,
                                                   std::span<const TimeSpan> windows);

}  // namespace aieb
