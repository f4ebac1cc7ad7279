#pragma once

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// {energy, gpu_time, total, per_1000_prompts}: Quantities in the currency.
Json to_json(const Cost& cost);

/// The inverse; all missing for null, as in documents of earlier versions.
Cost cost_from(const Json& json);

}  // namespace aieb
