#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// results.json of the ML.ENERGY benchmark (v3, LLM tasks). As there, energy is that of the GPUs
/// alone, latencies are in ms and a request's energy is the energy per token times its length.
/// The steady state is that of this tool: the measure phases. Unknown is null.
std::string ml_energy_report(const Results& results);

}  // namespace aieb
