#pragma once

#include <ATen/core/Tensor.h>

#include "engine/decoder/weights.h"

namespace aieb::engine {

/// The same weights on another device; what is there already is not copied.
LayerWeights brought(const LayerWeights& layer, at::Device device);

/// The same for one matrix, whose dense values become `dtype`.
Linear brought(const Linear& linear, at::Device device, at::ScalarType dtype);

}  // namespace aieb::engine
