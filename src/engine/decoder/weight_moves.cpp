#include "engine/decoder/weight_moves.h"

#include <ATen/ATen.h>

namespace aieb::engine {
namespace {

void bring(at::Tensor& tensor, at::Device device) {
  if (tensor.defined()) tensor = tensor.to(device);
}

void bring(Norm& norm, at::Device device) {
  bring(norm.weight, device);
  bring(norm.bias, device);
}

void bring(Linear& linear, at::Device device) {
  bring(linear.weight, device);
  bring(linear.bias, device);
  for (PackedMatrix& part : linear.packed) part = part.to(device);
}

void bring(LatentProjections& latent, at::Device device);
void bring(Experts& experts, at::Device device);

template <class Part>
void bring(std::optional<Part>& part, at::Device device) {
  if (part) bring(*part, device);
}

void bring(Attention& attention, at::Device device) {
  bring(attention.q_norm, device);
  bring(attention.k_norm, device);
  bring(attention.sinks, device);
  bring(attention.alibi_slopes, device);
}

void bring(LatentProjections& latent, at::Device device) {
  for (Linear* linear : {&latent.query_down, &latent.query, &latent.kv_down, &latent.kv_up}) {
    bring(*linear, device);
  }
  bring(latent.query_norm, device);
  bring(latent.kv_norm, device);
}

void bring(Experts& experts, at::Device device) {
  bring(experts.router, device);
  for (at::Tensor* tensor : {&experts.choice_bias, &experts.gate_up, &experts.gate_up_bias,
                             &experts.down, &experts.down_bias}) {
    bring(*tensor, device);
  }
}

}  // namespace

LayerWeights brought(const LayerWeights& layer, at::Device device) {
  LayerWeights out = layer;
  for (auto* norm : {&out.pre_attention, &out.post_attention, &out.attention_residual, &out.pre_mlp,
                     &out.post_mlp, &out.mlp_residual}) {
    bring(*norm, device);
  }
  for (Linear* linear : {&out.qkv, &out.output, &out.expand, &out.contract, &out.shared_router}) {
    bring(*linear, device);
  }
  bring(out.latent, device);
  bring(out.attention, device);
  bring(out.experts, device);
  return out;
}

Linear brought(const Linear& linear, at::Device device, at::ScalarType dtype) {
  Linear out = linear;
  bring(out, device);
  if (out.weight.defined()) out.weight = out.weight.to(dtype);
  return out;
}

}  // namespace aieb::engine
