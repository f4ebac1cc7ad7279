#include "engine/place_model.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "engine/placement/places.h"

namespace aieb::engine {
namespace {

at::Device device_of(const PlacementWish& wish, const Place& place) {
  if (wish.device_of) return wish.device_of(place);
  if (place == "cpu" || place == "disk") return at::kCPU;
  return {at::kCUDA, static_cast<c10::DeviceIndex>(std::stoi(place))};
}

/// `max_memory` of GPUs that do not exist in a run on the CPU does not matter, as in transformers.
PlaceLimits asked_limits(const PlacementWish& wish) {
  Json limits = Json::object();
  for (const auto& [place, size] : wish.max_memory.items()) {
    const bool gpu = place != "cpu" && place != "disk";
    if (gpu && wish.gpus.empty()) continue;
    limits[place_from(place, wish.gpus, "backend.max_memory")] = size;
  }
  return user_limits(limits);
}

int64_t known_free(const PlacementWish& wish, const Lane& lane) {
  const auto free = wish.free(lane);
  if (free) return *free;
  throw EnvironmentError("backend.device_map: how much memory is free on " +
                         place_text(lane.place) +
                         " cannot be found out; say in backend.max_memory how much may be used");
}

PlaceLimits limits_of_what_is_free(const PlacementWish& wish) {
  std::map<int, int64_t> gpus;
  for (const int gpu : wish.gpus) {
    const Place place = std::to_string(gpu);
    gpus[gpu] = known_free(wish, {place, device_of(wish, place)});
  }
  return free_limits(gpus, known_free(wish, Lane{}));
}

Placement planned(const Outline& outline, const ModelSpec& spec, bool quantised, Spread spread,
                  const PlacementWish& wish) {
  const ModelPart tree = outline.tree(spec);
  PlaceLimits limits;
  if (!wish.max_memory.is_null()) limits = asked_limits(wish);
  const bool asked = !limits.empty();
  if (!asked) limits = limits_of_what_is_free(wish);
  return plan_placement({.model = tree,
                         .tied = outline.tied,
                         .limits = std::move(limits),
                         .limits_from_user = asked,
                         .spread = spread,
                         .quantized = quantised});
}

Placement placement_of(const Outline& outline, const ModelSpec& spec, bool quantised,
                       const PlacementWish& wish) {
  if (wish.device_map.is_object()) {
    Placement placement = explicit_placement(wish.device_map, wish.gpus);
    // A tied head goes with the embedding where the map does not name it.
    const std::string& head = outline.ends.at(Slot::kHead).module;
    const bool named = !place_of(placement, head).empty();
    if (!outline.tied.empty() && !named) {
      placement.places[head] = whole_place_of(placement, outline.ends.at(Slot::kEmbedding).module);
    }
    return placement;
  }
  if (wish.device_map.is_string()) {
    if (const auto spread = spread_from(wish.device_map.get<std::string>())) {
      return planned(outline, spec, quantised, *spread, wish);
    }
  }
  Placement placement;
  placement.places[""] = place_from(wish.device_map, wish.gpus, "backend.device_map");
  return placement;
}

bool is_gpu(const Place& place) { return place != "cpu" && place != "disk"; }

/// Turns places into lanes and sites.
class Sites {
 public:
  Sites(const PlacementWish& wish, const std::vector<Place>& used) : wish_(wish) {
    plan_.lanes.clear();
    std::set<int> gpus;
    for (const Place& place : used) {
      if (is_gpu(place)) gpus.insert(std::stoi(place));
    }
    for (const int gpu : gpus) add_lane(std::to_string(gpu));
    if (plan_.lanes.empty()) add_lane("cpu");
  }

  [[nodiscard]] Site of(const Place& place) const {
    const auto found = std::ranges::find(plan_.lanes, place, &Lane::place);
    if (found != plan_.lanes.end()) {
      return {static_cast<size_t>(found - plan_.lanes.begin()), Keep::kOnLane};
    }
    return {0, place == "disk" ? Keep::kOnDisk : Keep::kOnCpu};
  }

  DevicePlan& plan() { return plan_; }

 private:
  void add_lane(const Place& place) { plan_.lanes.push_back({place, device_of(wish_, place)}); }

  const PlacementWish& wish_;
  DevicePlan plan_;
};

}  // namespace

DevicePlan plan_devices(const Outline& outline, const ModelSpec& spec, bool quantised,
                        const PlacementWish& wish) {
  DevicePlan plan;
  if (wish.device_map.is_null()) {
    const bool gpu = wish.device.is_cuda();
    plan.lanes = {
        {gpu ? std::to_string(std::max<int>(wish.device.index(), 0)) : "cpu", wish.device}};
    plan.places[""] = plan.lanes.front().place;
    return plan;
  }
  Placement placement = placement_of(outline, spec, quantised, wish);
  std::map<Slot, Place> ends;
  std::vector<Place> used;
  for (const auto& [slot, part] : outline.ends) {
    ends[slot] = whole_place_of(placement, part.module);
    used.push_back(ends[slot]);
  }
  for (const OutlinePart& layer : outline.layers) {
    used.push_back(whole_place_of(placement, layer.module));
  }
  Sites sites(wish, used);
  for (const auto& [slot, place] : ends) sites.plan().ends[slot] = sites.of(place);
  for (size_t i = 0; i < outline.layers.size(); ++i) {
    sites.plan().layers.push_back(sites.of(used[ends.size() + i]));
  }
  sites.plan().places = std::move(placement.places);
  return std::move(sites.plan());
}

std::map<Place, int64_t> planned_bytes(const Outline& outline, const DevicePlan& plan) {
  std::map<Place, int64_t> bytes;
  for (const auto& [slot, part] : outline.ends) {
    bytes[plan.place_of(plan.end(slot))] += part.bytes;
  }
  for (size_t i = 0; i < outline.layers.size(); ++i) {
    bytes[plan.place_of(plan.layer(i))] += outline.layers[i].bytes;
  }
  return bytes;
}

int64_t staging_bytes(const Outline& outline, const DevicePlan& plan) {
  int64_t largest = 0;
  for (size_t i = 0; i < outline.layers.size(); ++i) {
    if (plan.layer(i).keep != Keep::kOnLane) largest = std::max(largest, outline.layers[i].bytes);
  }
  const bool head = plan.end(Slot::kHead).keep != Keep::kOnLane;
  const auto part = outline.ends.find(outline.tied.empty() ? Slot::kHead : Slot::kEmbedding);
  return head && part != outline.ends.end() ? std::max(largest, part->second.bytes) : largest;
}

}  // namespace aieb::engine
