#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/placement/planner.h"
#include "engine/spec/names.h"

namespace aieb::engine {

/// A device that parts of the model run on.
struct Lane {
  Place place = "cpu";
  at::Device device = at::kCPU;
};

/// Where weights lie between their uses.
enum class Keep {
  kOnLane,
  kOnCpu,   ///< copied to the lane for every use
  kOnDisk,  ///< read from the checkpoint for every use
};

/// Where one part of a model lies and runs.
struct Site {
  size_t lane = 0;
  Keep keep = Keep::kOnLane;

  bool operator==(const Site&) const = default;
};

/// Where all parts of a model lie and run. As accelerate's dispatch: what is placed on the CPU or
/// the disk runs on the first GPU of the plan, and on the CPU where there is none.
struct DevicePlan {
  std::vector<Lane> lanes = {Lane{}};   ///< the first one runs what is offloaded
  std::map<Slot, Site> ends;            ///< a slot without an entry: the first lane
  std::vector<Site> layers;             ///< empty: all on the first lane
  std::map<std::string, Place> places;  ///< by module, as planned or asked for

  [[nodiscard]] Site end(Slot slot) const {
    const auto found = ends.find(slot);
    return found == ends.end() ? Site{} : found->second;
  }
  [[nodiscard]] Site layer(size_t i) const { return layers.empty() ? Site{} : layers[i]; }
  [[nodiscard]] const Lane& lane_of(const Site& site) const { return lanes[site.lane]; }
  /// The place of the weights.
  [[nodiscard]] Place place_of(const Site& site) const;
  [[nodiscard]] at::Device home_of(const Site& site) const {
    return site.keep == Keep::kOnLane ? lane_of(site).device : at::Device(at::kCPU);
  }
  /// Whether anything lies elsewhere than where it runs.
  [[nodiscard]] bool offloads() const;
  [[nodiscard]] bool is_one_device() const { return lanes.size() == 1 && !offloads(); }
};

}  // namespace aieb::engine
