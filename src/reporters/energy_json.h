#pragma once

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// {duration_s, complete, missing, total, components, domains}, each energy as
/// {gross, active, idle_share, idle_power} of Quantities.
Json to_json(const WindowEnergy& window);
WindowEnergy window_energy_from(const Json& json);

/// The inverse of to_json(Quantity).
Quantity quantity_from(const Json& json);

}  // namespace aieb
