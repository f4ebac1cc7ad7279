#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/json.h"
#include "engine/decoder/device_plan.h"
#include "engine/decoder/outline.h"
#include "engine/free_memory.h"
#include "engine/placement/shortage.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// What a configuration says about devices.
struct PlacementWish {
  Json device_map;        ///< null: all on `device`; else a strategy, a device or an explicit map
  Json max_memory;        ///< of a strategy, by place; null: what is free
  std::vector<int> gpus;  ///< that may be used; empty: the CPU only
  at::Device device = at::kCPU;
  /// The device of a place. Tests let several places be the CPU.
  std::function<at::Device(const Place&)> device_of;
  FreeMemory free = free_memory;
};

/// Where the parts of a model go. Throws ConfigError for a map that names no usable device, leaves
/// a part without one, or divides a layer.
DevicePlan plan_devices(const Outline& outline, const ModelSpec& spec, bool quantised,
                        const PlacementWish& wish);

/// Bytes of weights on each lane of a plan, offloaded ones aside, and on the CPU and disk, by
/// place.
std::map<Place, int64_t> planned_bytes(const Outline& outline, const DevicePlan& plan);

/// Bytes of the largest part that is copied to the first lane for every use.
int64_t staging_bytes(const Outline& outline, const DevicePlan& plan);

}  // namespace aieb::engine
