#pragma once

#include <cstdint>

#include "engine/kernels/cpu/dtype.h"
#include "engine/kernels/cpu/range.h"

namespace aieb::engine::cpu {

/// One query token's attention in one layer.
struct DecodeAttention {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;   ///< divides heads
  std::int64_t head_dim = 0;   ///< of queries and keys
  std::int64_t value_dim = 0;  ///< of values and results
  float scale = 1;
  float softcap = 0;             ///< s ← softcap · tanh(s / softcap); 0: none
  const float* sinks = nullptr;  ///< [heads] extra logit per head, or null
  const float* alibi_slopes =
      nullptr;  ///< [heads] score += slope · (key index − last index), or null

  [[nodiscard]] std::int64_t group() const { return heads / kv_heads; }
};

/// Keys and values of one sequence in one layer; the key of head h, position p starts at
/// h · key_stride + p · head_dim elements, its value at h · value_stride + p · value_dim.
struct KvView {
  const void* keys = nullptr;
  const void* values = nullptr;
  DType dtype = DType::kF32;
  std::int64_t key_stride = 0;
  std::int64_t value_stride = 0;
};

/// Elements of one partial result: for each query head of a group max, sum, then value_dim
/// unnormalised output values. The softmax over positions is exact however they are split:
/// parts are rescaled to the common maximum when they are merged (online softmax, Milakov &
/// Gimelshein 2018).
inline std::int64_t part_size(const DecodeAttention& a) { return a.group() * (a.value_dim + 2); }

/// Attends the query heads of `kv_head` to `positions` of the cache and writes the partial result.
/// `q` [heads, head_dim] is float32; `last` is the index of the newest key (for ALiBi).
/// An empty range gives an empty part.
void attend_part(const DecodeAttention& a, const KvView& cache, const float* q,
                 std::int64_t kv_head, Range positions, std::int64_t last, float* part);

/// Merges `count` parts of `kv_head`, which are `stride` elements apart, into out [heads,
/// value_dim]: only the rows of that group are written. At least one part must be non-empty.
void merge_parts(const DecodeAttention& a, const float* parts, std::int64_t count,
                 std::int64_t stride, std::int64_t kv_head, float* out);

}  // namespace aieb::engine::cpu
