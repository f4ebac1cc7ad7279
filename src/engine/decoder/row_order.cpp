#include "engine/decoder/row_order.h"

#include <ATen/ATen.h>

namespace aieb::engine {
namespace {

at::Tensor rows(int64_t count) { return at::arange(count, at::kLong); }

/// Stored rows [groups, per_group] of a layout that keeps q, k and v of some heads together.
at::Tensor separated(const AttentionSpec& a, int64_t groups, int64_t queries) {
  const int64_t d = a.head_dim;
  const at::Tensor stored = rows(groups * (queries + 2) * d).view({groups, queries + 2, d});
  const auto part = [&](int64_t first, int64_t count) {
    return stored.narrow(1, first, count).reshape({-1});
  };
  return at::cat({part(0, queries), part(queries, 1), part(queries + 1, 1)});
}

/// Within one head: firsts of pairs, seconds of pairs, the rest.
at::Tensor halves(int64_t dim, int64_t rotated) {
  const at::Tensor all = rows(dim);
  return at::cat({all.slice(0, 0, rotated, 2), all.slice(0, 1, rotated, 2), all.slice(0, rotated)});
}

}  // namespace

at::Tensor halves_order(int64_t heads, int64_t head_dim, int64_t rotated) {
  const at::Tensor first = rows(heads).unsqueeze(1) * head_dim;
  return (first + halves(head_dim, rotated).unsqueeze(0)).reshape({-1});
}

at::Tensor qkv_order(const AttentionSpec& attention, int64_t rotated) {
  at::Tensor order;
  if (attention.layout == QkvLayout::kPerHead) order = separated(attention, attention.heads, 1);
  if (attention.layout == QkvLayout::kPerGroup) {
    order = separated(attention, attention.kv_heads, attention.heads / attention.kv_heads);
  }
  if (!attention.rotates_neighbours) return order;
  const int64_t turned = attention.heads + attention.kv_heads;
  const int64_t all = (turned + attention.kv_heads) * attention.head_dim;
  const at::Tensor pairs = at::cat({halves_order(turned, attention.head_dim, rotated),
                                    rows(all).slice(0, turned * attention.head_dim)});
  return order.defined() ? order.index_select(0, pairs) : pairs;
}

at::Tensor latent_query_order(const AttentionSpec& attention) {
  const int64_t rotated = attention.latent.rotated;
  const int64_t plain = attention.head_dim - rotated;
  const at::Tensor turned = attention.rotates_neighbours ? halves(rotated, rotated) : rows(rotated);
  const at::Tensor head = at::cat({turned + plain, rows(plain)});
  return (rows(attention.heads).unsqueeze(1) * attention.head_dim + head).reshape({-1});
}

at::Tensor latent_down_order(const AttentionSpec& attention) {
  if (!attention.rotates_neighbours) return {};
  const LatentSpec& latent = attention.latent;
  return at::cat({rows(latent.kv_rank), halves(latent.rotated, latent.rotated) + latent.kv_rank});
}

at::Tensor latent_up_order(const AttentionSpec& attention) {
  const int64_t plain = attention.head_dim - attention.latent.rotated;
  const int64_t per_head = plain + attention.value_dim;
  const at::Tensor stored = rows(attention.heads * per_head).view({attention.heads, per_head});
  return at::cat({stored.narrow(1, 0, plain).reshape({-1}),
                  stored.narrow(1, plain, attention.value_dim).reshape({-1})});
}

}  // namespace aieb::engine
