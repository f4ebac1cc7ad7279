#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"
#include "core/carbon_factor.h"

namespace aieb {

/// What to ask Electricity Maps, and as whom.
struct LiveQuery {
  std::string url;    ///< of the page, complete
  std::string zone;   ///< "FR", or "48.86,2.35"
  std::string token;  ///< secret: in no message, no log and no trace
  bool loopback = false;
};

/// The query of a configuration with `metrics.carbon_intensity_live: electricity_maps`. Asks
/// nothing. The zone is `metrics.carbon_intensity_zone`, else that of the explicit location: a
/// country, a Canadian province, or a bidding zone of Norway and Sweden.
/// Throws ConfigError without a zone, EnvironmentError without a token.
LiveQuery live_query(const MetricsConfig& config);

/// The intensity of one hour as Electricity Maps says it.
struct LiveIntensity {
  double g_per_kwh = 0;
  int64_t from_ns = 0;  ///< begin of its hour, wall time
  bool estimated = false;
  std::string zone;
  std::string basis;  ///< lifecycle, direct; as the answer says
};

/// Asks for the latest intensity: one GET with the token in the header `auth-token`, 10 s at most,
/// not repeated. Throws EnvironmentError that says what came instead and what to do.
LiveIntensity fetch_live(const LiveQuery& query);

/// Reads an answer. Throws EnvironmentError.
LiveIntensity parse_live(const std::string& body);

/// Expanded uncertainty of it: `percent` of the configuration, else the derived one; what is
/// estimated, or older than two hours at `now_ns`, is rough.
double live_uncertainty_g_per_kwh(const LiveIntensity& live, const MetricsConfig& config,
                                  int64_t now_ns);

/// A series from what was known at the begin and at the end of a run from `from_ns` to `to_ns`: the
/// first value holds until its hour is over, the last from the begin of its own, and the hours
/// between go evenly from one to the other, with half of their difference as further uncertainty.
CarbonSeries between(const LiveIntensity& first, const LiveIntensity& last,
                     const MetricsConfig& config, int64_t from_ns, int64_t to_ns);

}  // namespace aieb
