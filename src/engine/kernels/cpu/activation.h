#pragma once

#include <cstdint>

#include "engine/spec/model_spec.h"

namespace aieb::engine::cpu {

/// x = act(x), in place. Not for kClampedSwiglu, which exists only
/// gated, and kXielu, which has coefficients.
/// Absolute error below 1e-6 · max(1, |x|); exact GELU uses Abramowitz & Stegun 7.1.26 for erf.
void activate(Activation activation, float* x, std::int64_t n);

/// out = act(gate) · up, element by element; see Activation for kClampedSwiglu. out may be gate or
/// up.
void gate(Activation activation, const float* gate, const float* up, float* out, std::int64_t n);

}  // namespace aieb::engine::cpu
