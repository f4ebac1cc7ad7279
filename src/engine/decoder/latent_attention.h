#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "engine/kernels/linear.h"
#include "engine/kernels/ops.h"

namespace aieb::engine {

/// Projections of multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, section 2.1). Heads
/// have their rotated dimensions first here.
struct LatentProjections {
  Linear query_down;  ///< [query_rank, hidden]; not defined: `query` reads the hidden state
  std::optional<Norm> query_norm;
  Linear query;    ///< [heads·head_dim, query_rank or hidden]
  Linear kv_down;  ///< [kv_rank + rotated, hidden]
  std::optional<Norm> kv_norm;
  Linear kv_up;  ///< [heads·(head_dim − rotated) + heads·value_dim, kv_rank]: keys, then values
  int64_t kv_rank = 0;
  int64_t rotated = 0;  ///< dimensions of the key that all heads share
};

/// Writes q, k and v of `input` [rows, hidden] to `qkv` in the layout of Ops::attend. Keys and
/// values are those of every head: the cache holds them expanded, as ordinary attention does.
void project_latent(const Ops& ops, const LatentProjections& latent, const Attention& attention,
                    const at::Tensor& input, at::Tensor& qkv);

}  // namespace aieb::engine
