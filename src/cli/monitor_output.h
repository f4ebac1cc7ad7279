#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/intensity.h"
#include "core/carbon_factor.h"
#include "core/json.h"
#include "runner/live_energy.h"

namespace aieb::cli {

/// What a live reading is shown with.
struct MonitorSnapshot {
  LiveReading reading;
  CarbonFactor carbon;
  int64_t wall_ns = 0;  ///< of the reading
  bool news = false;    ///< a sensor said something since the one before
};

/// A factor with a series, averaged over the energy as it is used.
class LiveIntensityMean {
 public:
  /// With the energy that came since the call before, which was used at `wall_ns`. A factor without
  /// a series is returned as it is; outside of its series it is unknown from then on.
  CarbonFactor add(CarbonFactor factor, const LiveReading& reading, int64_t wall_ns);

 private:
  std::vector<IntervalEnergy> parts_;
  double energy_j_ = 0;
  std::string unknown_;
};

/// The header of `monitor_csv_rows`, with its line end.
std::string monitor_csv_header();

/// A row for each device, for the total and for each component that is missing: an unknown number
/// is an empty cell beside its reason.
std::string monitor_csv_rows(const MonitorSnapshot& snapshot);

/// The same as one JSON object; docs/monitor.md lists its keys. Unknown is null.
Json monitor_json(const MonitorSnapshot& snapshot, bool final);

/// Prometheus' text format 0.0.4. What is unknown has no sample; why is in
/// aieb_component_missing_info.
std::string monitor_prometheus(const MonitorSnapshot& snapshot);
constexpr const char* kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

/// A table for a terminal: power, energy and source of each device, the total and the emissions.
/// `mean`: powers are energy ÷ elapsed time, for a summary.
std::string monitor_table(const MonitorSnapshot& snapshot, bool mean);

/// The same as one line: "12.0 s: 31.2 ± 6.2 W, 0.104 ± 0.02 Wh (cpu0 25.1 W estimated, …)".
std::string monitor_line(const MonitorSnapshot& snapshot);

}  // namespace aieb::cli
