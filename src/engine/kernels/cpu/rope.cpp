#include "engine/kernels/cpu/rope.h"

namespace aieb::engine::cpu {

void rotate(RopePairs pairs, float* x, std::int64_t heads, std::int64_t head_dim,
            std::int64_t rotary_dim, const float* cos, const float* sin) {
  const std::int64_t half = rotary_dim / 2;
  const std::int64_t step = pairs == RopePairs::kHalves ? 1 : 2;         // between first elements
  const std::int64_t distance = pairs == RopePairs::kHalves ? half : 1;  // within a pair
  for (std::int64_t h = 0; h < heads; ++h, x += head_dim) {
    for (std::int64_t i = 0; i < half; ++i) {
      float& first = x[i * step];
      float& second = x[i * step + distance];
      const float a = first;
      const float b = second;
      first = a * cos[i] - b * sin[i];
      second = b * cos[i] + a * sin[i];
    }
  }
}

}  // namespace aieb::engine::cpu
