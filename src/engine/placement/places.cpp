#include "engine/placement/places.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace aieb::engine {
namespace {

/// A GPU's number in "1" or "cuda:1".
std::optional<int> gpu_number(std::string text) {
  if (text.starts_with("cuda:")) text.erase(0, 5);
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  const bool whole = error == std::errc() && stop == end;
  return whole && number >= 0 ? std::optional(number) : std::nullopt;
}

struct Strategy {
  const char* name;
  Spread spread;
};
constexpr std::array kStrategies = {
    Strategy{"auto", Spread::kBalanced},
    Strategy{"balanced", Spread::kBalanced},
    Strategy{"balanced_low_0", Spread::kBalancedLow0},
    Strategy{"sequential", Spread::kSequential},
};

}  // namespace

Place place_from(const Json& value, const std::vector<int>& gpus, const std::string& key) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text == "cpu" || text == "disk") return text;
  if (text == "cuda" && !gpus.empty()) return std::to_string(gpus.front());
  const std::optional<int> number = gpu_number(text);
  if (!number && text != "cuda") {
    throw ConfigError(key + ": '" + text +
                      "' is no device; use a GPU's number, cuda:N, cpu or disk");
  }
  if (gpus.empty()) {
    throw ConfigError(key + ": '" + text +
                      "' is a GPU, but the run is on the CPU (backend.device)");
  }
  if (std::ranges::find(gpus, *number) == gpus.end()) {
    throw ConfigError(key + ": GPU " + std::to_string(*number) +
                      " is not one of backend.device_ids; add it there");
  }
  return std::to_string(*number);
}

Placement explicit_placement(const Json& map, const std::vector<int>& gpus) {
  Placement placement;
  for (const auto& [module, place] : map.items()) {
    placement.places[module] = place_from(place, gpus, "backend.device_map." + module);
  }
  return placement;
}

std::optional<Spread> spread_from(const std::string& strategy) {
  const auto* found = std::ranges::find_if(
      kStrategies, [&](const Strategy& candidate) { return strategy == candidate.name; });
  return found == kStrategies.end() ? std::nullopt : std::optional(found->spread);
}

Place whole_place_of(const Placement& placement, const std::string& module) {
  Place place = place_of(placement, module);
  const std::string inside = module + ".";
  for (auto it = placement.places.lower_bound(inside);
       it != placement.places.end() && it->first.starts_with(inside); ++it) {
    if (place.empty()) place = it->second;
    if (place == it->second) continue;
    throw DividedLayer("backend.device_map: " + module + " is divided (" + it->first + " is on " +
                       it->second + ", other parts on " + place +
                       "); the native engine places whole layers: give it one device, or set "
                       "backend.engine: transformers");
  }
  if (!place.empty()) return place;
  throw ConfigError("backend.device_map gives no device to " + module +
                    "; add an entry for it, or one with an empty name for all that is not named");
}

std::string place_text(const Place& place) {
  if (place == "cpu" || place == "disk")
    return "the " + std::string(place == "cpu" ? "CPU" : place);
  return "GPU " + place;
}

}  // namespace aieb::engine
