#pragma once

#include <string>

#include "core/results.h"

namespace aieb {

/// GPU_ENERGY_SUMMARY.json of AI Energy Score: Wh of the GPUs, which alone are scored. `prefill_wh`
/// and `decode_wh` divide the GPUs' energy as the run's whole energy was divided at the first
/// tokens; without that split all of it is `decode_wh`, as AI Energy Score has it for this
/// backend. Throws DataError when the GPUs' energy is not known: there is nothing to submit.
std::string ai_energy_score_report(const Results& results);

/// GPU_ENERGY_WH.txt, which stands beside it: the total with two decimals.
std::string ai_energy_score_total(const Results& results);

}  // namespace aieb
