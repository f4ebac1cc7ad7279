#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "engine/spec/model_spec.h"

namespace aieb::engine {

// Checkpoints order the rows of projections in several ways; the decoder knows one. Each function
// returns, for every row of the decoder's order, the stored row (int64), or an undefined tensor
// where the two are the same.

/// Heads whose leading `rotated` dimensions are stored as neighbouring pairs: first all first
/// elements of pairs, then all second ones, then the rest of the head.
at::Tensor halves_order(int64_t heads, int64_t head_dim, int64_t rotated);

/// A fused query/key/value matrix: all q, all k, all v. `rotated` is used where neighbours rotate.
at::Tensor qkv_order(const AttentionSpec& attention, int64_t rotated);

/// Latent attention: queries with the rotated dimensions of a head before the others.
at::Tensor latent_query_order(const AttentionSpec& attention);

/// The shared rotated key after kv_rank latent rows.
at::Tensor latent_down_order(const AttentionSpec& attention);

/// All key rows of all heads, then all value rows.
at::Tensor latent_up_order(const AttentionSpec& attention);

}  // namespace aieb::engine
