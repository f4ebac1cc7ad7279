#include "runner/run_carbon.h"

#include <cmath>

#include <fmt/format.h>

#include "carbon/carbon.h"
#include "carbon/series.h"
#include "core/clock.h"
#include "core/error.h"

namespace aieb {
namespace {

constexpr const char* kLicence = "Electricity Maps, terms of its API";

MetricsConfig needed(MetricsConfig metrics) {
  if (metrics.enabled) return metrics;
  metrics.carbon_intensity_series.clear();
  metrics.carbon_intensity_live = "off";
  return metrics;
}

/// How long a run lasts at least, as far as its configuration says: idle time and load.
double planned_s(const BenchmarkConfig& config) {
  return config.metrics.idle_s + config.scenario.load.duration_s.value_or(0);
}

std::string told(const LiveIntensity& live) {
  return fmt::format("{:g} g/kWh of the hour from {}{}", live.g_per_kwh, iso_utc(live.from_ns),
                     live.estimated ? ", estimated" : "");
}

}  // namespace

void check_carbon(const BenchmarkConfig& config) {
  resolve_carbon_at(needed(config.metrics), wall_ns(), planned_s(config));
}

RunCarbon::RunCarbon(const BenchmarkConfig& config)
    : config_(needed(config.metrics)),
      begin_ns_(wall_ns()),
      factor_(resolve_carbon_at(config_, begin_ns_, planned_s(config))) {
  if (config_.carbon_intensity_live != "off") ask_now();
  // A file may hold years; what is before the run is not needed again.
  factor_ = trimmed(std::move(factor_), begin_ns_, INT64_MAX / 2);
}

void RunCarbon::ask_now() {
  first_ = fetch_live(live_query(config_));
  factor_.unknown.clear();
  factor_.g_per_kwh = first_->g_per_kwh;
  factor_.uncertainty_g_per_kwh = live_uncertainty_g_per_kwh(*first_, config_, begin_ns_);
  factor_.basis = first_->basis;
  factor_.licence = kLicence;
  if (factor_.region.empty()) factor_.region = first_->zone;
  factor_.source = "Electricity Maps, live, zone " + first_->zone + ": " + told(*first_);
}

std::optional<std::string> RunCarbon::finish(int64_t end_ns) {
  factor_ = trimmed(std::move(factor_), begin_ns_, end_ns);
  if (!first_ || end_ns < first_->from_ns + kHour_ns) return std::nullopt;
  try {
    const LiveIntensity last = fetch_live(live_query(config_));
    if (last.from_ns <= first_->from_ns) return std::nullopt;  // the service has nothing newer
    factor_.series = between(*first_, last, config_, begin_ns_, end_ns);
    factor_.source += "; then " + told(last);
    return std::nullopt;
  } catch (const Error& error) {
    const double rough = hourly_uncertainty_g_per_kwh(factor_.g_per_kwh, true);
    factor_.uncertainty_g_per_kwh = std::max(factor_.uncertainty_g_per_kwh, rough);
    factor_.source += "; unknown at the end";
    return fmt::format(
        "the carbon intensity at the end of the run is not known, that of its beginning stands for "
        "all of it ({})",
        error.what());
  }
}

}  // namespace aieb
