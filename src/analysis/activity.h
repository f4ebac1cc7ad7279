#pragma once

#include <map>
#include <span>
#include <string>

#include "analysis/readings.h"
#include "core/results.h"
#include "core/trace_data.h"

namespace aieb {

/// What the machine moved in the windows, from the trace's domains of meter "activity": the
/// readings are joined by straight lines. Absent where no readings lie around a window.
HostActivity host_activity(const Trace& trace, std::span<const TimeSpan> windows);

/// Why network, disk or memory are not known, as the meter said.
std::map<std::string, std::string> why_no_activity(const Trace& trace);

}  // namespace aieb
