#pragma once

#include <algorithm>
#include <optional>
#include <string_view>

#include "reporters/metric_table.h"

/// What the rows of the metric table read from results; of use to the table alone.
namespace aieb::metric_values {

template <typename T>
MetricValue known(const std::optional<T>& value) {
  if (!value) return std::monostate{};
  return *value;
}

inline Quantity in_wh(const Quantity& energy_j) { return energy_j.scaled(1 / kJoulesPerWh, "Wh"); }

/// Gross, in J. Of a GPU that is not among the components none is missed.
inline Quantity component_j(const Results& r, Component component) {
  const auto found = r.measure.components.find(component);
  if (found != r.measure.components.end()) return found->second.gross;
  if (r.energy_disabled) return Quantity::disabled("J");
  return Quantity::missing("J", component == Component::kGpu
                                    ? "no GPU took part, as far as is known"
                                    : "no sensor and no estimate for it");
}

inline Quantity component_wh(const Results& r, Component component) {
  return in_wh(component_j(r, component));
}

inline MetricValue mean_power_w(const Results& r) {
  if (r.measure.duration_s <= 0) return Quantity::missing("W", "nothing was measured");
  return r.measure.total.gross.scaled(1 / r.measure.duration_s, "W");
}

inline MetricValue location(const Results& r) {
  if (!r.carbon) return std::monostate{};
  const CarbonFactor& c = *r.carbon;
  if (c.region.empty() || c.country_iso_code.empty()) return c.country_iso_code + c.region;
  return c.country_iso_code + "/" + c.region;
}

inline MetricValue carbon_intensity(const Results& r) {
  if (!r.carbon || !r.carbon->unknown.empty()) return std::monostate{};
  return r.carbon->g_per_kwh;
}

inline MetricValue carbon_intensity_uncertainty(const Results& r) {
  if (!r.carbon || !r.carbon->unknown.empty()) return std::monostate{};
  if (r.carbon->uncertainty_g_per_kwh <= 0) return std::monostate{};  // none is stated
  return r.carbon->uncertainty_g_per_kwh;
}

inline MetricValue carbon_source(const Results& r) {
  if (!r.carbon) return std::monostate{};
  return r.carbon->source;
}

inline MetricValue location_assumed(const Results& r) {
  if (!r.carbon) return std::monostate{};
  return r.carbon->assumed;
}

inline MetricValue pue(const Results& r) {
  if (!r.carbon) return std::monostate{};
  return r.carbon->pue;
}

inline MetricValue goodput_fraction(const Results& r) {
  if (!r.goodput) return std::monostate{};
  return r.goodput->fraction;
}

inline MetricValue goodput_requests_per_s(const Results& r) {
  if (!r.goodput) return std::monostate{};
  return r.goodput->requests_per_s;
}

inline MetricValue steady_s(const Results& r) {
  if (!r.steady_state) return std::monostate{};
  return r.steady_state->duration_s;
}

inline MetricValue steady_output_tokens_per_s(const Results& r) {
  if (!r.steady_state) return std::monostate{};
  return known(r.steady_state->output_tokens_per_s);
}

template <auto Member>
MetricValue moved(const Results& r) {
  return known(r.activity.*Member);
}

inline MetricValue memory_bandwidth(const Results& r) {
  if (!r.activity.memory_bytes || r.measured_s <= 0) return {};
  return *r.activity.memory_bytes / r.measured_s;
}

inline MetricValue client_cpu(const Results& r) {
  if (!r.client) return std::monostate{};
  return known(r.client->cpu_cores);
}

inline MetricValue client_energy(const Results& r) {
  if (!r.client) return Quantity::missing("Wh", "the model ran in this process");
  return in_wh(r.client->energy);
}

/// A number of the client's calibration.
template <auto Member>
MetricValue calibrated(const Results& r) {
  if (!r.client || !r.client->calibration) return std::monostate{};
  return known(std::optional<double>((*r.client->calibration).*Member));
}

inline MetricValue steady_energy_per_token(const Results& r) {
  if (!r.steady_state) return Quantity::missing("J", "the load has no steady state");
  return r.steady_state->energy_per_output_token;
}

inline MetricValue protocol_name(const Results& r) {
  const Json name = r.protocol.value("name", Json());
  if (!name.is_string()) return std::monostate{};
  return name.get<std::string>();
}

/// Half width of the 95 % interval of a mean.
inline MetricValue half_width(const Results& r, std::string_view key) {
  const auto found = std::ranges::find(r.intervals, key, &MetricInterval::key);
  if (found == r.intervals.end()) return std::monostate{};
  return found->half_width;
}

}  // namespace aieb::metric_values
