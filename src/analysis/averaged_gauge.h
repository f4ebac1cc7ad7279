#pragma once

#include <vector>

#include "analysis/domain_energy.h"
#include "analysis/roughness.h"
#include "analysis/updates.h"

namespace aieb {

/// Integrates a gauge whose values are means over `domain.averaging_ns` (W), much longer than the
/// time between its values: sets the curve and the edges of `out`.
///
/// `points` carry each mean at the middle of its span, so their integral A(t) is right where the
/// power is steady but smears an edge over ± W/2. At an edge T the means themselves give the energy
/// exactly: E(T) = A(T + W) − W·m(T + W) from the right and A(T − W) + W·m(T) from the left, where
/// m(t) is the mean over the span W that ends at t. Candidates are weighed by how steady the power
/// is at their anchor.
void integrate_averaged_gauge(DomainEnergy& out, const SensorUpdates& updates,
                              const std::vector<PowerPoint>& points,
                              const std::vector<double>& edges);

}  // namespace aieb
