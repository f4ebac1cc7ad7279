#include "engine/decoder/latent_attention.h"

#include <ATen/ATen.h>

namespace aieb::engine {
namespace {

at::Tensor apply(const Ops& ops, const Linear& linear, const at::Tensor& input) {
  at::Tensor out = at::empty({input.size(0), linear.out_features()}, input.options());
  ops.linear(linear, input, out);
  return out;
}

}  // namespace

void project_latent(const Ops& ops, const LatentProjections& latent, const Attention& attention,
                    const at::Tensor& input, at::Tensor& qkv) {
  at::Tensor source = input;
  if (latent.query_down.defined()) {
    source = apply(ops, latent.query_down, input);
    ops.norm(*latent.query_norm, source, source);
  }
  qkv.narrow(1, 0, attention.q_width()).copy_(apply(ops, latent.query, source));

  const at::Tensor down = apply(ops, latent.kv_down, input);
  at::Tensor narrow = down.narrow(1, 0, latent.kv_rank).contiguous();
  ops.norm(*latent.kv_norm, narrow, narrow);
  const at::Tensor up = apply(ops, latent.kv_up, narrow);

  const int64_t plain = attention.head_dim - latent.rotated;
  const int64_t heads = attention.heads;
  const at::Tensor keys = qkv.narrow(1, attention.q_width(), attention.kv_width())
                              .unflatten(1, {heads, attention.head_dim});
  keys.narrow(2, 0, latent.rotated)
      .copy_(down.narrow(1, latent.kv_rank, latent.rotated).unsqueeze(1));
  keys.narrow(2, latent.rotated, plain)
      .copy_(up.narrow(1, 0, heads * plain).unflatten(1, {heads, plain}));
  qkv.narrow(1, attention.q_width() + attention.kv_width(), attention.value_width())
      .copy_(up.narrow(1, heads * plain, attention.value_width()));
}

}  // namespace aieb::engine
