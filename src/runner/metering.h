#pragma once

#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "config/config.h"
#include "core/events.h"
#include "core/json.h"
#include "exporters/remote_meter.h"
#include "meters/discover.h"
#include "meters/sampler.h"

namespace aieb {

/// The sensors of one run: this machine's as far as the work happens here (CONTRIBUTING, "Where a
/// server runs"), and those of `metrics.sources`, which take the place of this machine's for the
/// components that they measure. Sampled into the trace from start to stop. With
/// `metrics.enabled: false` it does nothing.
class Metering {
 public:
  /// Finds the sensors for a validated backend and starts sampling.
  Metering(const MetricsConfig& metrics, const BackendInfo& backend, EventSink& sink);
  ~Metering();

  /// Reads every sensor now, so that a phase begins and ends on fresh values.
  void mark();
  /// Waits for the exporters' first values after the last mark (not once `stop` is requested), then
  /// ends sampling.
  void stop(const std::stop_token& stop = {});

  [[nodiscard]] std::optional<double> latest_power_w() const;
  /// Components that cannot be measured in this run, as the trace's meta table holds them.
  [[nodiscard]] Json missing() const;
  /// Where the energy belongs: {"scope": "local" | "remote" | "disabled", "reason": …}.
  [[nodiscard]] const Json& scope() const { return scope_; }

 private:
  using Meters = std::vector<std::unique_ptr<Meter>>;
  /// Opens the sources; gives the components that they measure.
  std::set<Component> open_sources(const MetricsConfig& metrics,
                                   const std::vector<std::string>& server_gpus, Meters& meters);
  void take_local(MeterSet found, const std::set<Component>& elsewhere, Meters& meters);
  void warn_of_missing(const BackendInfo& backend, bool has_sources) const;

  std::vector<MissingComponent> missing_;
  Json scope_;
  exporters::DeviceNumbers numbers_;
  std::vector<exporters::RemoteMeter*> remotes_;  ///< owned by the sampler
  std::set<std::string> asked_for_;  ///< meters whose components are wanted, whatever is here
  int64_t last_mark_ns_ = 0;
  std::unique_ptr<Sampler> sampler_;
};

}  // namespace aieb
