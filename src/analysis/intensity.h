#pragma once

#include <span>

#include "analysis/sources.h"
#include "core/carbon_factor.h"
#include "core/results.h"
#include "core/trace_data.h"

namespace aieb {

/// Energy that was used within one interval of a factor's series.
struct IntervalEnergy {
  CarbonInterval interval;
  double energy_j = 0;
  double edge_sigma_j = 0;  ///< standard uncertainty of the energy up to the interval's end
};

/// The factor at the mean of its series over the energy, Σ E·g ÷ Σ E, and with the intervals of
/// these parts alone. The intervals' uncertainties are taken as fully correlated (they share the
/// method), so they average like the values; where one interval ends and the next begins, the error
/// of the energy at that moment counts with the difference of the two intensities.
CarbonFactor averaged(CarbonFactor factor, std::span<const IntervalEnergy> parts);

/// A factor with a series, averaged over the energy of the total in the measured windows; over
/// their time where no energy is known. Where the series does not hold all of their time the
/// intensity is unknown, for a reason that names both. A factor without a series stays as it is.
CarbonFactor over_measurement(CarbonFactor factor, const Trace& trace,
                              std::span<const TimeSpan> measured, const EnergySources& sources,
                              const WindowEnergy& energy);

}  // namespace aieb
