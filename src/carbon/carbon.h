#pragma once

#include <cstdint>

#include "config/config.h"
#include "core/carbon_factor.h"

namespace aieb {

/// The grid carbon intensity for a run, from the configuration and the files that it names: an
/// explicit `metrics.carbon_intensity_g_per_kwh` or the series of a file, else `metrics.region` (a
/// state, province, bidding zone or cloud region), else `metrics.country_iso_code`. `assumed` when
/// the user named no place at all. Never looks anything up on the network: with
/// `metrics.carbon_intensity_live` the place and the token are checked, and the intensity is
/// unknown until it is asked for (runner/run_carbon.h).
///
/// Throws ConfigError for a place that no table knows, naming the nearest ones, for settings that
/// exclude each other, and for what is wrong in the file or in `metrics.embodied`.
CarbonFactor resolve_carbon(const MetricsConfig& config);

/// The same for a run that begins at `from_ns` (wall time) and lasts `planned_s` at least: throws
/// ConfigError that names both ranges when the series does not hold that time.
CarbonFactor resolve_carbon_at(const MetricsConfig& config, int64_t from_ns, double planned_s);

}  // namespace aieb
