#pragma once

#include "core/results.h"
#include "core/trace_data.h"

namespace aieb {

/// Computes everything a report shows from a trace. Pure: no I/O, no clock, no globals; the same
/// trace gives the same results. docs/metrics.md defines every number.
///
/// Taken by value: pass an rvalue to spare the copy of the requests.
/// Throws DataError when the file that the trace was read from is damaged.
Results analyze(Trace trace);

}  // namespace aieb
