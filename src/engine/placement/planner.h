#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/placement/memory.h"
#include "engine/placement/model_parts.h"

namespace aieb::engine {

enum class Spread {
  kBalanced,      ///< evenly over the GPUs; also called auto
  kBalancedLow0,  ///< the same, with as little as possible on GPU 0
  kSequential,    ///< each place is filled before the next one
};

struct PlacementTask {
  const ModelPart& model;
  std::vector<TiedNames> tied;
  PlaceLimits limits;
  bool limits_from_user = false;  ///< else they are what is free
  Spread spread = Spread::kBalanced;
  bool quantized = false;  ///< by bitsandbytes, which needs some room beside the weights
};

struct Placement {
  /// Module or parameter → place; "" is the whole model. A name covers everything below it.
  std::map<std::string, Place> places;
  std::map<Place, int64_t> bytes;  ///< of the weights on each place
};

/// Where the parts of a model go. A pure function, equal to what `from_pretrained` of transformers
/// 5 computes for a `device_map` strategy:
/// - Parts are placed in order; what does not fit is split into its children, down to parts that
///   are whole; then the next place is taken, and the one before is closed. The disk holds all.
/// - The first GPU and the CPU keep room for the largest whole part, so that an offloaded one can
///   run there.
/// - Tied parts go together and take room once.
/// - Balanced: GPUs but the last are limited to total / GPUs + 1.25 · the largest whole part or
///   largest module's own tensors. With one GPU a tenth of what is free stays free.
Placement plan_placement(const PlacementTask& task);

/// The place of a module or tensor: that of its nearest part that has one. Empty: nowhere.
Place place_of(const Placement& placement, const std::string& name);

}  // namespace aieb::engine
