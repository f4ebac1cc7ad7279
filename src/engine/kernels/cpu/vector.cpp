#include "engine/kernels/cpu/vector.h"

#include <algorithm>
#include <limits>

#include "engine/kernels/cpu/table.h"

namespace aieb::engine::cpu {

void add_scaled(float scale, const float* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += scale * x[i];
}

void store_as(DType dtype, const float* x, void* y, std::int64_t n) {
  switch (dtype) {
    case DType::kF32:
      std::copy(x, x + n, static_cast<float*>(y));
      return;
    case DType::kBf16:
      std::transform(x, x + n, static_cast<Bf16*>(y), [](float v) { return to_bf16(v); });
      return;
    case DType::kF16:
      std::transform(x, x + n, static_cast<F16*>(y), [](float v) { return to_f16(v); });
      return;
  }
}

void load_from(DType dtype, const void* x, float* y, std::int64_t n) {
  const auto widen = [](auto value) { return to_float(value); };
  switch (dtype) {
    case DType::kF32:
      std::copy_n(static_cast<const float*>(x), n, y);
      return;
    case DType::kBf16:
      std::transform(static_cast<const Bf16*>(x), static_cast<const Bf16*>(x) + n, y, widen);
      return;
    case DType::kF16:
      std::transform(static_cast<const F16*>(x), static_cast<const F16*>(x) + n, y, widen);
      return;
  }
}

std::int64_t argmax(const float* x, std::int64_t n) {
  // Vectors find the value; only the block it is in is searched one by one.
  constexpr std::int64_t kBlock = 1024;
  float best = -std::numeric_limits<float>::infinity();
  std::int64_t block = 0;
  for (std::int64_t b = 0; b < n; b += kBlock) {
    const float value = highest(x + b, std::min(n - b, kBlock));
    if (value <= best) continue;
    best = value;
    block = b;
  }
  const float* const end = x + std::min(n, block + kBlock);
  const float* const found = std::find(x + block, end, best);
  return found == end ? 0 : found - x;
}

}  // namespace aieb::engine::cpu
