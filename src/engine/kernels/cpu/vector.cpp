#include "engine/kernels/cpu/vector.h"

#include <algorithm>

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

}  // namespace aieb::engine::cpu
