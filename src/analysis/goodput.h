#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// Judges every answered or failed request by `scenario.slo` of the run's configuration and sets
/// `meets_slo` of the requests and `goodput` of the results. A request is good when it was answered
/// and no limit is exceeded; a failed one is not good. A latency that a request does not have (time
/// per token of a one-token answer) exceeds nothing.
///
/// Nothing is set without limits. Where a limit on energy is set and the energy of a request is not
/// known, goodput is unknown: the returned texts say why and what to do.
///
/// Needs the requests' latencies and energies and `measured_s`. Formulas: docs/metrics.md.
std::vector<std::string> judge_goodput(Results& results);

}  // namespace aieb
