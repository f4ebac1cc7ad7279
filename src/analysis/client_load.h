#pragma once

#include <optional>

#include "core/client_load.h"
#include "core/results.h"
#include "core/trace_data.h"

namespace aieb {

/// What the trace tells of the load client, and why it limited the run, if it did; absent where no
/// client was recorded. `results` has the latencies. The limits are those of docs/metrics.md.
std::optional<ClientLoad> client_load(const Trace& trace, const Results& results);

}  // namespace aieb
