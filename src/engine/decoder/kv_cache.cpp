#include "engine/decoder/kv_cache.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace aieb::engine {

void KvCache::reset(std::vector<int64_t> new_starts, at::Device device) {
  length = 0;
  const bool padded = std::ranges::any_of(new_starts, [](int64_t start) { return start != 0; });
  start_of = padded ? std::move(new_starts) : std::vector<int64_t>{};
  starts = at::Tensor{};
  if (!padded) return;
  if (!starts_memory.defined()) {
    starts_memory = at::empty({batch}, at::TensorOptions().dtype(at::kLong).device(device));
  }
  starts = starts_memory.copy_(at::tensor(start_of, at::kLong));
}

}  // namespace aieb::engine
