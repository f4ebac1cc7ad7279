#pragma once

#include "config/config.h"
#include "core/carbon_factor.h"

namespace aieb {

/// The grid carbon intensity for a run, from the configuration alone: an explicit
/// `metrics.carbon_intensity_g_per_kwh`, else `metrics.region` (a state, province, bidding zone or
/// cloud region), else `metrics.country_iso_code`. `assumed` when the user named no place at all.
/// Never looks anything up on the network.
///
/// Throws ConfigError for a place that no table knows, naming the nearest ones.
CarbonFactor resolve_carbon(const MetricsConfig& config);

}  // namespace aieb
