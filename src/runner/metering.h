#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "config/config.h"
#include "core/events.h"
#include "core/json.h"
#include "meters/sampler.h"

namespace aieb {

/// The sensors of one run: chosen by where the work happens (CONTRIBUTING, "Where a server runs"),
/// sampled into the trace from start to stop. With `metrics.enabled: false` it does nothing.
class Metering {
 public:
  /// Finds the sensors for a validated backend and starts sampling.
  Metering(const MetricsConfig& metrics, const BackendInfo& backend, EventSink& sink);
  ~Metering();

  /// Reads every sensor now, so that a phase begins and ends on fresh values.
  void mark();
  void stop();

  [[nodiscard]] std::optional<double> latest_power_w() const;
  /// Components that cannot be measured in this run, as the trace's meta table holds them.
  [[nodiscard]] Json missing() const;
  /// Where the energy belongs: {"scope": "local" | "remote" | "disabled", "reason": …}.
  [[nodiscard]] const Json& scope() const { return scope_; }

 private:
  std::vector<MissingComponent> missing_;
  Json scope_;
  std::unique_ptr<Sampler> sampler_;
};

}  // namespace aieb
