#pragma once

#include <cstdint>

#include "engine/kernels/cpu/dtype.h"

namespace aieb::engine::cpu {

/// y += scale · x
void add_scaled(float scale, const float* x, float* y, std::int64_t n);

/// Stores float32 values as `dtype`, rounded to nearest even.
void store_as(DType dtype, const float* x, void* y, std::int64_t n);

/// Loads values of `dtype` as float32.
void load_from(DType dtype, const void* x, float* y, std::int64_t n);

/// The highest of n values, ignoring NaN; −infinity if there is none.
float highest(const float* x, std::int64_t n);

/// Index of the first of the highest of n values, ignoring NaN; 0 if there is none.
std::int64_t argmax(const float* x, std::int64_t n);

}  // namespace aieb::engine::cpu
