#pragma once

#include <cstdint>

#include "core/trace_data.h"

namespace aieb {

/// Wall time of a moment of the trace, by the nearest pair of clocks; 0 without one.
int64_t wall_time(const Trace& trace, int64_t mono_ns);

/// The inverse: the trace's time of a wall time, by the pair nearest to that.
int64_t mono_time(const Trace& trace, int64_t wall_ns);

}  // namespace aieb
