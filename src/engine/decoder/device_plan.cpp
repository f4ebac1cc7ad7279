#include "engine/decoder/device_plan.h"

#include <algorithm>

namespace aieb::engine {

Place DevicePlan::place_of(const Site& site) const {
  if (site.keep == Keep::kOnCpu) return "cpu";
  return site.keep == Keep::kOnDisk ? "disk" : lane_of(site).place;
}

bool DevicePlan::offloads() const {
  const auto elsewhere = [](const Site& site) { return site.keep != Keep::kOnLane; };
  return std::ranges::any_of(layers, elsewhere) ||
         std::ranges::any_of(ends, [&](const auto& entry) { return elsewhere(entry.second); });
}

}  // namespace aieb::engine
