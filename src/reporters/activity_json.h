#pragma once

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// {"measure": {network_received_bytes, …}, "phases": {"idle": {…}, …}, "missing": {"memory":
/// why}}; unknown is null.
Json activity_json(const Results& results);

/// The inverse, into the three members of the results.
void read_activity(const Json& json, Results& results);

}  // namespace aieb
