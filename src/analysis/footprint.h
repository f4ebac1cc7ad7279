#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/carbon_factor.h"
#include "core/quantity.h"
#include "core/results.h"

namespace aieb {

/// g CO2e = energy in kWh × PUE × intensity. The uncertainties of both factors are systematic.
/// Missing where the intensity is not known.
Quantity emissions_of(const Quantity& energy_j, const CarbonFactor& factor);

/// L = IT energy in kWh × WUE (WUE is stated per kWh of IT energy, so PUE does not apply); the
/// uncertainty of the WUE is systematic. Missing where no WUE is given.
Quantity water_of(const Quantity& energy_j, const CarbonFactor& factor);

/// Emissions of making the devices of `metrics.embodied` while they ran: devices × g/h × time,
/// where devices that are not stated are the `gpus` that were measured.
std::vector<EmbodiedPart> embodied_of(const CarbonFactor& factor, double measured_s, size_t gpus);

/// Their sum; one study's figures err together, so uncertainties add linearly. Missing when nobody
/// asked.
Quantity embodied_total(const std::vector<EmbodiedPart>& parts);

/// energy / count; missing when the count is unknown or zero, for the given reason.
Quantity per_count(const Quantity& energy_j, std::optional<int64_t> count,
                   const std::string& reason);

}  // namespace aieb
