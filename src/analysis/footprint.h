#pragma once

#include "core/carbon_factor.h"
#include "core/quantity.h"
#include "core/results.h"

namespace aieb {

/// g CO2e = energy in kWh × PUE × intensity. The uncertainty of the intensity is systematic.
Quantity emissions_of(const Quantity& energy_j, const CarbonFactor& factor);

/// L = IT energy in kWh × WUE (WUE is stated per kWh of IT energy, so PUE does not apply). Missing
/// where no WUE is given.
Quantity water_of(const Quantity& energy_j, const CarbonFactor& factor);

/// energy / count; missing when the count is unknown or zero, for the given reason.
Quantity per_count(const Quantity& energy_j, std::optional<int64_t> count,
                   const std::string& reason);

}  // namespace aieb
