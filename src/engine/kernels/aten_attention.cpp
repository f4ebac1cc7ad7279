#include <algorithm>
#include <limits>

#include <ATen/ATen.h>

#include "engine/kernels/aten_ops.h"

namespace aieb::engine {
namespace {

/// Views of the packed projections as [batch, tokens, heads, head_dim].
struct Heads {
  at::Tensor q;
  at::Tensor k;
  at::Tensor v;
};

Heads split(const Attention& attention, const Step& step, const at::Tensor& qkv) {
  const auto view = [&](int64_t first, int64_t heads, int64_t dim) {
    return qkv.narrow(1, first, heads * dim)
        .unflatten(1, {heads, dim})
        .unflatten(0, {step.batch, step.tokens});
  };
  const int64_t q = attention.q_width();
  return {view(0, attention.heads, attention.head_dim),
          view(q, attention.kv_heads, attention.head_dim),
          view(q + attention.kv_width(), attention.kv_heads, attention.value_dim)};
}

/// Per head, or over all heads where the norm's weight is that wide.
void normalise(const AtenOps& ops, const std::optional<Norm>& norm, at::Tensor& x) {
  if (!norm) return;
  if (norm->weight.defined() && norm->weight.dim() == 2) {
    Norm unit = *norm;
    unit.weight = at::Tensor{};
    at::Tensor heads = x.contiguous();
    ops.norm(unit, heads, heads);
    x.copy_(heads * norm->weight);
    return;
  }
  const bool per_head = !norm->weight.defined() || norm->weight.size(0) == x.size(3);
  at::Tensor rows = per_head ? x.reshape({-1, x.size(3)}) : x.reshape({-1, x.size(2) * x.size(3)});
  at::Tensor out = at::empty_like(rows);
  ops.norm(*norm, rows, out);
  x.copy_(out.view(x.sizes()));
}

/// Rotates the leading dimensions of every head in place.
void rotate(const RopeRows& rope, const Step& step, at::Tensor x) {
  const int64_t half = rope.cos.size(1);
  const at::Tensor cos = rope.cos.view({-1, step.tokens, 1, half});
  const at::Tensor sin = rope.sin.view({-1, step.tokens, 1, half});
  at::Tensor first = x.narrow(3, 0, half);
  at::Tensor second = x.narrow(3, half, half);
  const at::Tensor turned = at::addcmul(first * cos, second, sin, -1);
  second.mul_(cos).addcmul_(first, sin);
  first.copy_(turned);
}

/// Factors of the step's queries, float32 [1 or batch, tokens, 1, 1].
at::Tensor temperatures(const QueryTemperature& temperature, const Step& step, at::Device device) {
  const at::Tensor positions = temperature.cache_index_from_one
                                   ? step_index(step, device).add(1).unsqueeze(0)
                                   : step_positions(step, device).view({step.batch, step.tokens});
  const at::Tensor periods = (positions.to(at::kFloat) / temperature.period).floor();
  return (periods.log1p() * temperature.gain + 1).unsqueeze(-1).unsqueeze(-1);
}

/// Appends the new keys and values to the cache.
void store(const Step& step, const Heads& heads, KvLayer& cache) {
  const at::Tensor k = heads.k.transpose(1, 2);
  const at::Tensor v = heads.v.transpose(1, 2);
  if (step.index.defined()) {
    cache.keys.index_copy_(2, step.index, k);
    cache.values.index_copy_(2, step.index, v);
    return;
  }
  cache.keys.narrow(2, step.past, step.tokens).copy_(k);
  cache.values.narrow(2, step.past, step.tokens).copy_(v);
}

at::Tensor alibi_bias(const Attention& attention, const Step& step, int64_t first,
                      const at::TensorOptions& like) {
  at::Tensor keys = at::arange(first, step.length(), like.dtype(at::kLong)).view({1, 1, 1, -1});
  if (step.starts.defined()) keys = (keys - step.starts.view({-1, 1, 1, 1})).clamp_min(0);
  const at::Tensor slopes = attention.alibi_slopes.view({1, -1, 1, 1});
  const at::Tensor bias = attention.alibi_in_bf16 ? slopes.to(at::kBFloat16) * keys : slopes * keys;
  return bias.to(like.dtype()) * attention.alibi_scale;
}

/// The mask shared by all layers with this window, plus the layer's own bias.
at::Tensor mask_of(const Attention& attention, const Step& step, int64_t first,
                   const at::TensorOptions& like) {
  auto [entry, fresh] = step.masks.try_emplace({attention.window, attention.chunk});
  if (fresh) entry->second = attention_mask(step, attention.window, attention.chunk, first, like);
  if (!attention.alibi_slopes.defined()) return entry->second;
  const at::Tensor bias = alibi_bias(attention, step, first, like);
  return entry->second.defined() ? entry->second + bias : bias;
}

/// Appends one logit a head to scores [b, kv_heads, group, t, s].
at::Tensor with_sinks(const Attention& attention, const at::Tensor& scores) {
  std::vector<int64_t> shape = scores.sizes().vec();
  shape.back() = 1;
  const at::Tensor sinks =
      attention.sinks.view({1, shape[1], shape[2], 1, 1}).expand(shape).to(scores.scalar_type());
  return at::cat({scores, sinks}, -1);
}

/// softmax(softcap(q·k) + mask, with sinks) · v, where scaled_dot_product_attention has no such
/// option. q [b, heads, t, d]; k, v [b, kv_heads, s, d].
at::Tensor explicit_attention(const Attention& attention, const at::Tensor& q, const at::Tensor& k,
                              const at::Tensor& v, const at::Tensor& mask) {
  const int64_t group = attention.heads / attention.kv_heads;
  const at::Tensor grouped = q.unflatten(1, {attention.kv_heads, group});
  at::Tensor scores = at::matmul(grouped, k.unsqueeze(2).transpose(-1, -2)) * attention.scale;
  if (attention.softcap != 0) scores = (scores / attention.softcap).tanh() * attention.softcap;
  if (mask.defined()) scores = scores + mask.unsqueeze(2);
  const int64_t keys = scores.size(-1);
  if (attention.sinks.defined()) scores = with_sinks(attention, scores);
  const at::Tensor weights = scores.softmax(-1, at::kFloat).narrow(-1, 0, keys).to(q.scalar_type());
  return at::matmul(weights, v.unsqueeze(2)).flatten(1, 2);
}

/// The same for one query a row, in few operations and without repeating keys for the heads that
/// share them, as scaled_dot_product_attention does on CUDA. q [b, heads, 1, d]; out [b, q_width].
void single_query_attention(const Attention& attention, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const at::Tensor& mask, at::Tensor& out) {
  const int64_t group = attention.heads / attention.kv_heads;
  const int64_t batch = q.size(0);
  const int64_t keys = k.size(2);
  const at::Tensor queries = q.reshape({batch * attention.kv_heads, group, attention.head_dim});
  const at::Tensor by_head = k.flatten(0, 1).transpose(1, 2);
  // Masks of alibi differ by head, others do not.
  const auto grouped = [&](const at::Tensor& bias) {
    return bias.expand({batch, attention.heads, 1, keys})
        .reshape({batch * attention.kv_heads, group, keys});
  };
  const bool capped = attention.softcap != 0;
  at::Tensor scores;
  if (mask.defined() && !capped) {
    scores = at::baddbmm(grouped(mask), queries, by_head, 1, attention.scale);
  } else {
    scores = at::bmm(queries, by_head).mul_(attention.scale);
    if (capped) scores = scores.div_(attention.softcap).tanh_().mul_(attention.softcap);
    if (mask.defined()) scores.add_(grouped(mask));
  }
  if (attention.sinks.defined()) {
    const auto five = scores.view({batch, attention.kv_heads, group, 1, keys});
    scores = with_sinks(attention, five).view({batch * attention.kv_heads, group, keys + 1});
  }
  const at::Tensor weights = scores.softmax(-1).narrow(-1, 0, keys);
  at::Tensor rows = out.view({batch * attention.kv_heads, group, attention.value_dim});
  at::bmm_out(rows, weights, v.flatten(0, 1));
}

/// The first cache entry that the newest token of any row can see.
int64_t first_seen(const Attention& attention, const Step& step) {
  int64_t first = std::max<int64_t>(0, attention.window > 0 ? step.length() - attention.window : 0);
  if (attention.chunk > 0 && !step.starts.defined()) {
    first = std::max(first, step.past / attention.chunk * attention.chunk);
  }
  return first;
}

}  // namespace

at::Tensor attention_mask(const Step& step, int64_t window, int64_t chunk, int64_t first,
                          const at::TensorOptions& like) {
  const auto index = like.dtype(at::kLong);
  const at::Tensor query = step_index(step, like.device()).view({1, 1, -1, 1});
  const at::Tensor key = at::arange(first, step.length(), index).view({1, 1, 1, -1});
  at::Tensor seen = key <= query;
  if (window > 0) seen = seen.logical_and(key > query - window);
  if (chunk > 0) {
    const auto run = [&](const at::Tensor& index) {
      const at::Tensor position =
          step.starts.defined() ? index - step.starts.view({-1, 1, 1, 1}) : index;
      return position.floor_divide(chunk);
    };
    seen = seen.logical_and(run(key) == run(query));
  }
  if (step.starts.defined()) {
    seen = seen.logical_and(key >= step.starts.view({-1, 1, 1, 1})).logical_or(key == query);
  }
  return at::zeros(seen.sizes(), like)
      .masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
}

void AtenOps::attend(const Attention& attention, const Step& step, at::Tensor& qkv, KvLayer& cache,
                     at::Tensor& out) const {
  Heads heads = split(attention, step, qkv);
  const auto norms = [&] {
    normalise(*this, attention.q_norm, heads.q);
    normalise(*this, attention.k_norm, heads.k);
  };
  if (!attention.norm_after_rope) norms();
  if (attention.rope >= 0) {
    const RopeRows& rope = step.rope[static_cast<size_t>(attention.rope)];
    // The heads of q and k lie side by side.
    const int64_t heads_of_both = attention.heads + attention.kv_heads;
    rotate(rope, step,
           qkv.narrow(1, 0, heads_of_both * attention.head_dim)
               .unflatten(1, {heads_of_both, attention.head_dim})
               .unflatten(0, {step.batch, step.tokens}));
  }
  if (attention.norm_after_rope) norms();
  if (attention.temperature) {
    heads.q.mul_(temperatures(*attention.temperature, step, qkv.device()).to(qkv.scalar_type()));
  }
  store(step, heads, cache);

  // One query sees a suffix of the cache: reading only that needs no mask for the window.
  const bool single = step.tokens == 1;
  const bool recorded = step.index.defined();
  const bool limited = (attention.window > 0 && step.length() > attention.window) ||
                       (attention.chunk > 0 && step.length() > attention.chunk);
  const int64_t first = single && limited && !recorded ? first_seen(attention, step) : 0;
  const at::Tensor k = cache.keys.narrow(2, first, step.length() - first);
  const at::Tensor v = cache.values.narrow(2, first, step.length() - first);
  const at::Tensor q = heads.q.transpose(1, 2);

  const bool explicit_scores = attention.softcap != 0 || attention.sinks.defined();
  const bool plain = !step.starts.defined() && !attention.alibi_slopes.defined() && !recorded;
  const bool causal = !single && plain && !limited && !explicit_scores && step.past == 0;
  const bool needs_mask = !causal && !(single && plain);
  const at::Tensor mask = needs_mask ? mask_of(attention, step, first, q.options()) : at::Tensor{};
  if (single && (recorded || q.is_cuda())) {
    single_query_attention(attention, q, k, v, mask, out);
    return;
  }
  const at::Tensor result =
      explicit_scores ? explicit_attention(attention, q, k, v, mask)
                      : at::scaled_dot_product_attention(
                            q, k, v, mask.defined() ? std::optional(mask) : std::nullopt, 0.0,
                            causal, attention.scale, attention.heads != attention.kv_heads);
  out.view({step.batch, step.tokens, attention.heads, attention.value_dim})
      .copy_(result.transpose(1, 2));
}

}  // namespace aieb::engine
