#include "reporters/load_json.h"

#include <string>

#include "reporters/energy_json.h"
#include "reporters/metric_table.h"

namespace aieb {
namespace {

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <typename T>
std::optional<T> optional_at(const Json& json, const char* key) {
  const Json& value = json.at(key);
  return value.is_null() ? std::nullopt : std::optional(value.get<T>());
}

}  // namespace

Json distribution_to_json(const std::optional<Distribution>& distribution) {
  if (!distribution) return nullptr;
  Json out;
  for (const Statistic& s : statistics()) out[std::string(s.name)] = s.get(*distribution);
  out["count"] = distribution->count;
  return out;
}

std::optional<Distribution> distribution_from_json(const Json& json) {
  if (json.is_null()) return std::nullopt;
  const auto get = [&](const char* name) { return json.at(name).get<double>(); };
  return Distribution{json.at("count").get<int64_t>(),
                      get("mean"),
                      get("std"),
                      get("min"),
                      get("p50"),
                      get("p90"),
                      get("p95"),
                      get("p99"),
                      get("p999"),
                      get("max")};
}

Json goodput_to_json(const std::optional<Goodput>& goodput) {
  if (!goodput) return nullptr;
  return {{"judged", goodput->judged},
          {"good", goodput->good},
          {"fraction", goodput->fraction},
          {"requests_per_s", goodput->requests_per_s},
          {"missed", goodput->missed}};
}

std::optional<Goodput> goodput_from_json(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return Goodput{json.at("judged").get<int64_t>(), json.at("good").get<int64_t>(),
                 json.at("fraction").get<double>(), json.at("requests_per_s").get<double>(),
                 json.at("missed").get<std::map<std::string, int64_t>>()};
}

Json steady_state_to_json(const std::optional<SteadyState>& steady) {
  if (!steady) return nullptr;
  return {{"in_flight", steady->limit > 0 ? Json(steady->limit) : Json(nullptr)},
          {"duration_s", steady->duration_s},
          {"requests", steady->requests},
          {"output_tokens", or_null(steady->output_tokens)},
          {"output_tokens_per_s", or_null(steady->output_tokens_per_s)},
          {"ttft_s", distribution_to_json(steady->ttft_s)},
          {"tpot_s", distribution_to_json(steady->tpot_s)},
          {"e2e_s", distribution_to_json(steady->e2e_s)},
          {"energy_per_output_token", to_json(steady->energy_per_output_token)},
          {"ramp", to_json(steady->ramp)},
          {"energy", to_json(steady->energy)},
          {"drain", to_json(steady->drain)}};
}

std::optional<SteadyState> steady_state_from_json(const Json& json) {
  if (json.is_null()) return std::nullopt;
  SteadyState out;
  out.limit = optional_at<int64_t>(json, "in_flight").value_or(0);
  out.duration_s = json.at("duration_s").get<double>();
  out.requests = json.at("requests").get<int64_t>();
  out.output_tokens = optional_at<int64_t>(json, "output_tokens");
  out.output_tokens_per_s = optional_at<double>(json, "output_tokens_per_s");
  out.ttft_s = distribution_from_json(json.at("ttft_s"));
  out.tpot_s = distribution_from_json(json.at("tpot_s"));
  out.e2e_s = distribution_from_json(json.at("e2e_s"));
  out.energy_per_output_token = quantity_from(json.at("energy_per_output_token"));
  out.ramp = window_energy_from(json.at("ramp"));
  out.energy = window_energy_from(json.at("energy"));
  out.drain = window_energy_from(json.at("drain"));
  return out;
}

}  // namespace aieb
