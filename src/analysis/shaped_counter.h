#pragma once

#include <vector>

#include "analysis/domain_energy.h"
#include "analysis/updates.h"

namespace aieb {

/// Sets the curve and the edges of a counter that is read seldom, with the help of `shape`, the
/// integrated power of the same device (built for the same edges): between two counter values the
/// energy is spread as the shape says, and an edge is reached from the counter values around it
/// along the shape. A counter value taken while the power is low is worth more than one taken at
/// high power, because the time at which it was taken is not exactly known.
void add_with_shape(DomainEnergy& out, const SensorUpdates& sensor,
                    const std::vector<double>& edges, const DomainEnergy& shape);

}  // namespace aieb
