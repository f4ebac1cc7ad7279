#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "carbon/electricity_maps.h"
#include "config/config.h"
#include "core/carbon_factor.h"

namespace aieb {

/// The carbon intensity of one run: resolved before it, and with `carbon_intensity_live` asked for
/// then and once more at its end. The only place that looks an intensity up on the network.
class RunCarbon {
 public:
  /// Throws what `resolve_carbon_at` and `fetch_live` throw. With `metrics.enabled: false` there
  /// are no emissions, and neither a file is read nor anything asked.
  explicit RunCarbon(const BenchmarkConfig& config);

  /// For the trace, while the run goes on.
  [[nodiscard]] const CarbonFactor& factor() const { return factor_; }

  /// For the trace of a run that went on until `end_ns` (wall time). Asks again when the hour of
  /// the first answer is over. That failing is no reason to lose a run: the first answer then
  /// stands for all of it, with the uncertainty of a rough one. Returns what is to be told of it,
  /// if anything.
  std::optional<std::string> finish(int64_t end_ns);

 private:
  void ask_now();

  MetricsConfig config_;
  int64_t begin_ns_;
  CarbonFactor factor_;
  std::optional<LiveIntensity> first_;
};

/// What can be found out about it before a run, without asking anybody: for `--dry-run` and
/// `validate`. Throws what `resolve_carbon_at` throws, for a run that begins now.
void check_carbon(const BenchmarkConfig& config);

}  // namespace aieb
