#include "engine/decoder/kv_cache.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace aieb::engine {

void KvCache::reset(std::vector<int64_t> new_starts) {
  length = 0;
  const bool padded = std::ranges::any_of(new_starts, [](int64_t start) { return start != 0; });
  start_of = padded ? std::move(new_starts) : std::vector<int64_t>{};
  starts.assign(starts_memory.size(), at::Tensor{});
  if (!padded) return;
  for (size_t lane = 0; lane < starts.size(); ++lane) {
    starts[lane] = starts_memory[lane].copy_(at::tensor(start_of, at::kLong));
  }
}

}  // namespace aieb::engine
