#pragma once

#include <cstdint>

#include "engine/kernels/cpu/dtype.h"

namespace aieb::engine::cpu {

/// Weights of a normalisation over `width` elements.
struct NormWeights {
  bool rms = true;               ///< else LayerNorm
  const void* weight = nullptr;  ///< [width], or null: 1
  const void* bias = nullptr;    ///< [width], or null: 0
  DType dtype = DType::kF32;     ///< of weight and bias
  float eps = 1e-6f;
};

/// y = x̂ · weight + bias with x̂ = x / √(mean(x²) + eps) (RMS) or (x − mean) / √(var + eps).
/// Everything is float32, so the order of casts that models disagree about does not arise.
/// y may be x.
void normalize(const NormWeights& norm, const float* x, float* y, std::int64_t width);

}  // namespace aieb::engine::cpu
