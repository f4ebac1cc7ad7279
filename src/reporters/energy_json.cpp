#include "reporters/energy_json.h"

#include <array>
#include <string>
#include <string_view>

namespace aieb {
namespace {

Source source_from(std::string_view name) {
  using enum Source;
  constexpr std::array kAll = {kMeasuredCounter, kIntegratedPower, kEstimated,
                               kPartial,         kMissing,         kDisabled};
  for (const Source source : kAll) {
    if (to_string(source) == name) return source;
  }
  return kMissing;
}

Json component_json(const ComponentEnergy& energy) {
  return {{"gross", to_json(energy.gross)},
          {"active", to_json(energy.active)},
          {"idle_share", to_json(energy.idle_share)},
          {"idle_power", to_json(energy.baseline)}};
}

ComponentEnergy component_energy_from(const Json& json) {
  return {.gross = quantity_from(json.at("gross")),
          .idle_share = quantity_from(json.at("idle_share")),
          .active = quantity_from(json.at("active")),
          .baseline = quantity_from(json.at("idle_power"))};
}

double number_or_zero(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : 0.0;
}

}  // namespace

Json to_json(const WindowEnergy& window) {
  Json components = Json::object();
  for (const auto& [component, energy] : window.components) {
    components[std::string(to_string(component))] = component_json(energy);
  }
  Json domains = Json::object();
  for (const auto& [name, energy] : window.domains) domains[name] = component_json(energy);
  return {{"duration_s", window.duration_s}, {"complete", window.complete},
          {"missing", window.missing},       {"total", component_json(window.total)},
          {"components", components},        {"domains", domains}};
}

WindowEnergy window_energy_from(const Json& json) {
  WindowEnergy out;
  out.duration_s = json.at("duration_s").get<double>();
  out.complete = json.at("complete").get<bool>();
  out.missing = json.at("missing").get<std::vector<std::string>>();
  out.total = component_energy_from(json.at("total"));
  for (const auto& [name, energy] : json.at("components").items()) {
    if (const auto component = component_from(name)) {
      out.components[*component] = component_energy_from(energy);
    }
  }
  for (const auto& [name, energy] : json.at("domains").items()) {
    out.domains[name] = component_energy_from(energy);
  }
  return out;
}

Quantity quantity_from(const Json& json) {
  Quantity out;
  if (json.at("value").is_number()) out.value = json["value"].get<double>();
  out.systematic = number_or_zero(json, "systematic");
  out.random = number_or_zero(json, "random");
  out.unit = json.at("unit").get<std::string>();
  out.source = source_from(json.at("source").get<std::string>());
  if (json.at("reason").is_string()) out.reason = json["reason"].get<std::string>();
  return out;
}

}  // namespace aieb
