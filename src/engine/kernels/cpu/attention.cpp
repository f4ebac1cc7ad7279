#include "engine/kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>

namespace aieb::engine::cpu {
namespace {

/// One query head: `part` + i · stride holds {max, sum, values} of part i.
void merge_head(const float* part, std::int64_t count, std::int64_t stride, const float* sink,
                std::int64_t dim, float* out) {
  float highest = sink ? *sink : -INFINITY;
  for (std::int64_t i = 0; i < count; ++i) highest = std::max(highest, part[i * stride]);
  float total = sink ? std::exp(*sink - highest) : 0.f;
  std::fill(out, out + dim, 0.f);
  for (std::int64_t i = 0; i < count; ++i) {
    const float* p = part + i * stride;
    const float weight = std::exp(p[0] - highest);
    total += weight * p[1];
    for (std::int64_t d = 0; d < dim; ++d) out[d] += weight * p[2 + d];
  }
  for (std::int64_t d = 0; d < dim; ++d) out[d] /= total;
}

}  // namespace

void merge_parts(const DecodeAttention& a, const float* parts, std::int64_t count,
                 std::int64_t stride, std::int64_t kv_head, float* out) {
  for (std::int64_t g = 0; g < a.group(); ++g) {
    const std::int64_t head = kv_head * a.group() + g;
    merge_head(parts + g * (a.value_dim + 2), count, stride, a.sinks ? a.sinks + head : nullptr,
               a.value_dim, out + head * a.value_dim);
  }
}

}  // namespace aieb::engine::cpu
