#pragma once

#include <cstdint>

namespace aieb::engine::cpu {

/// Which elements of a head are rotated together.
enum class RopePairs {
  kHalves,      ///< (i, i + rotary_dim / 2)
  kNeighbours,  ///< (2i, 2i + 1)
};

/// Rotates `heads` heads of `head_dim` elements in place: (a, b) ← (a·cos − b·sin, b·cos + a·sin).
/// cos and sin hold rotary_dim / 2 values; elements from rotary_dim on are left alone.
void rotate(RopePairs pairs, float* x, std::int64_t heads, std::int64_t head_dim,
            std::int64_t rotary_dim, const float* cos, const float* sin);

}  // namespace aieb::engine::cpu
