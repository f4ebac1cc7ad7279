#pragma once

#include <cstdint>
#include <vector>

#include "config/protocol.h"
#include "core/request.h"

namespace aieb {

/// The workload once more, as pass number `pass` (from 0) of a run. Pass 0 keeps its ids; later
/// ones number their requests from `free_id` on, in sessions of their own and, where `salted`, with
/// a cache salt of their own. A loop that the backend repeats goes on with ids from there.
Workload pass_of(const Workload& workload, int pass, int64_t free_id, bool salted);

/// The random pause before each repeat in s: uniform in (0, pause_s], from the run's seed.
std::vector<double> planned_pauses(const Protocol& protocol, uint64_t seed);

}  // namespace aieb
