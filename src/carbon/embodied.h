#pragma once

#include <vector>

#include "core/carbon_factor.h"
#include "core/json.h"

namespace aieb {

/// Reads `metrics.embodied`: a list of {component, source, devices, uncertainty_percent} with
/// either g_per_hour or total_kg and lifetime_years (365.25 days each). docs/carbon.md, "Embodied".
/// Throws ConfigError that names the entry, the key and what it may be.
std::vector<EmbodiedItem> embodied_items(const Json& list);

}  // namespace aieb
