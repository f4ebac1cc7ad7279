#pragma once

#include <string>
#include <vector>

#include "core/trace_data.h"

namespace aieb {

/// What the events of a trace say about the measured phases: throttled GPUs, GPUs shared with other
/// processes or split into instances, and the warnings that the run itself wrote down.
std::vector<std::string> event_warnings(const Trace& trace);

}  // namespace aieb
