#include "engine/decoder/decoder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <ATen/ATen.h>

#include "engine/kernels/aten_ops.h"

namespace aieb::engine {

Decoder::Decoder(ModelSpec spec, Weights weights, std::unique_ptr<Ops> ops,
                 std::unique_ptr<Ops> step_ops)
    : spec_(std::move(spec)),
      weights_(std::move(weights)),
      ops_(std::move(ops)),
      step_ops_(std::move(step_ops)) {
  for (const auto& rope : spec_.ropes) ropes_.emplace_back(rope, device());
}

KvCache Decoder::make_cache(int64_t batch, int64_t capacity) {
  KvCache cache;
  cache.batch = batch;
  cache.capacity = capacity;
  const auto make = [&](int64_t width) {
    return at::zeros({batch, spec_.attention.kv_heads, capacity, width},
                     weights_.embedding.options());
  };
  // Zeros, because recordable steps read unused entries, if only to give them no weight.
  for (size_t i = 0; i < spec_.layers.size(); ++i) {
    cache.layers.push_back({make(spec_.attention.head_dim), make(spec_.attention.value_dim)});
  }
  for (auto& rope : ropes_) {
    rope.prepare(capacity, ops_->activation_type(dtype()));
    if (step_ops_) rope.prepare(capacity, step_ops_->activation_type(dtype()));
  }
  return cache;
}

bool Decoder::must_recompute(int64_t length) const {
  return std::ranges::any_of(spec_.ropes, [length](const RopeSpec& rope) {
    return rope.recompute_at_switch && length == rope.original_max_position + 1;
  });
}

at::Tensor Decoder::forward(const at::Tensor& tokens, KvCache& cache, Logits which) {
  const int64_t batch = tokens.size(0);
  const int64_t count = tokens.size(1);
  const Ops& ops = step_ops_ && count == 1 && batch <= kStepRows ? *step_ops_ : *ops_;
  const auto type = ops.activation_type(dtype());
  const Step step = make_step(cache, count, type);

  Buffers made;
  Buffers& buffers = count > 1 ? made : step_buffers_;
  fit_buffers(buffers, batch * count, type);
  run_layers(ops, tokens, step, cache, buffers);
  cache.length += count;
  if (which == Logits::kAll) {
    return finish(ops, buffers.stream, buffers).view({batch, count, -1});
  }
  const at::Tensor last = buffers.stream.view({batch, count, -1}).select(1, count - 1);
  return finish(ops, last.contiguous(), buffers);
}

at::Tensor Decoder::forward_recordable(const at::Tensor& tokens, const at::Tensor& index,
                                       int64_t keys, KvCache& cache) {
  const auto type = ops_->activation_type(dtype());
  Step step;
  step.batch = cache.batch;
  step.past = keys - 1;
  step.index = index;
  step.starts = cache.starts;
  step.start_of = cache.start_of;
  const at::Tensor positions = step_positions(step, device());
  for (const auto& rope : ropes_) step.rope.push_back(rope.rows(positions, keys, type));
  fit_buffers(recordable_buffers_, cache.batch, type);
  run_layers(*ops_, tokens, step, cache, recordable_buffers_);
  return finish(*ops_, recordable_buffers_.stream, recordable_buffers_);
}

int64_t Decoder::recordable_keys(int64_t batch) const {
  const bool mixture = std::ranges::any_of(
      weights_.layers, [](const LayerWeights& layer) { return layer.experts.has_value(); });
  if (mixture && batch > AtenOps::kFewRows) return 0;
  int64_t keys = std::numeric_limits<int64_t>::max();
  for (const auto& rope : ropes_) {
    if (rope.static_limit() > 0) keys = std::min(keys, rope.static_limit());
  }
  return keys;
}

void Decoder::run_layers(const Ops& ops, const at::Tensor& tokens, const Step& step, KvCache& cache,
                         Buffers& buffers) const {
  embed(ops, tokens, step, buffers);
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    run_layer(ops, weights_.layers[i], step, cache.layers[i], buffers);
  }
}

void Decoder::fit_buffers(Buffers& buffers, int64_t rows, at::ScalarType type) const {
  const bool fits = buffers.stream.defined() && buffers.stream.size(0) == rows &&
                    buffers.stream.scalar_type() == type;
  if (!fits) buffers = make_buffers(rows, type);
}

Decoder::Buffers Decoder::make_buffers(int64_t rows, at::ScalarType type) const {
  const LayerWeights& first = weights_.layers.front();
  const auto make = [&](int64_t width) {
    return at::empty({rows, width}, weights_.embedding.options().dtype(type));
  };
  Buffers buffers;
  buffers.stream = make(spec_.hidden);
  buffers.normed = make(spec_.hidden);
  if (spec_.parallel_residual && first.pre_mlp) buffers.normed2 = make(spec_.hidden);
  buffers.branch = make(spec_.hidden);
  buffers.qkv = make(first.attention.qkv_width());
  buffers.context = make(first.attention.context_width());
  buffers.mlp = make_mlp_buffers(rows, type, false);
  buffers.shared_expert = make_mlp_buffers(rows, type, true);
  return buffers;
}

Decoder::MlpBuffers Decoder::make_mlp_buffers(int64_t rows, at::ScalarType type, bool moe) const {
  const auto layer = std::ranges::find_if(weights_.layers, [moe](const LayerWeights& candidate) {
    return candidate.experts.has_value() == moe && candidate.expand.defined();
  });
  if (layer == weights_.layers.end()) return {};
  const auto options = weights_.embedding.options().dtype(type);
  MlpBuffers buffers;
  buffers.expanded = at::empty({rows, layer->expand.out_features()}, options);
  buffers.inner = spec_.mlp.gated ? at::empty({rows, layer->contract.in_features()}, options)
                                  : buffers.expanded;
  return buffers;
}

Step Decoder::make_step(const KvCache& cache, int64_t tokens, at::ScalarType type) const {
  Step step;
  step.batch = cache.batch;
  step.tokens = tokens;
  step.past = cache.length;
  step.starts = cache.starts;
  step.start_of = cache.start_of;
  if (ropes_.empty()) return step;
  if (!cache.starts.defined() && cache.batch == 1) {
    for (const auto& rope : ropes_) step.rope.push_back(rope.range(step.past, tokens, type));
    return step;
  }
  const at::Tensor positions = step_positions(step, device());
  const int64_t padding = cache.start_of.empty() ? 0 : std::ranges::min(cache.start_of);
  for (const auto& rope : ropes_) {
    step.rope.push_back(rope.rows(positions, step.length() - padding, type));
  }
  return step;
}

void Decoder::embed(const Ops& ops, const at::Tensor& tokens, const Step& step,
                    Buffers& buffers) const {
  const auto type = buffers.stream.scalar_type();
  at::Tensor rows = weights_.embedding.index_select(0, tokens.reshape({-1}));
  if (spec_.embedding_scale != 1) {
    // The factor is rounded to the weights' type, as the families that have it do.
    rows = rows * at::scalar_tensor(spec_.embedding_scale, rows.options());
  }
  rows = rows.to(type);
  if (weights_.project_in.defined()) {
    ops.linear(weights_.project_in, rows, buffers.stream);
  } else {
    buffers.stream.copy_(rows);
  }
  if (weights_.positions.defined()) {
    const at::Tensor index = step_positions(step, device()) + spec_.learned_offset;
    buffers.stream.add_(weights_.positions.index_select(0, index).to(type));
  }
  if (weights_.embedding_norm) ops.norm(*weights_.embedding_norm, buffers.stream, buffers.stream);
}

void Decoder::run_layer(const Ops& ops, const LayerWeights& layer, const Step& step, KvLayer& cache,
                        Buffers& buffers) const {
  at::Tensor input = buffers.stream;
  const auto normalise = [&](const std::optional<Norm>& norm, at::Tensor& out) {
    if (!norm) return;
    ops.norm(*norm, buffers.stream, out);
    input = out;
  };
  normalise(layer.pre_attention, buffers.normed);
  if (layer.latent) {
    project_latent(ops, *layer.latent, layer.attention, input, buffers.qkv);
  } else {
    ops.linear(layer.qkv, input, buffers.qkv);
  }
  ops.attend(layer.attention, step, buffers.qkv, cache, buffers.context);

  // A parallel MLP reads the stream (or the attention's input) before the attention is added.
  if (spec_.parallel_residual) normalise(layer.pre_mlp, buffers.normed2);
  add_branch(ops, layer.output, buffers.context, layer.post_attention, buffers);
  if (layer.attention_residual) {
    ops.norm(*layer.attention_residual, buffers.stream, buffers.stream);
  }
  if (!spec_.parallel_residual) {
    input = buffers.stream;
    normalise(layer.pre_mlp, buffers.normed);
  }
  run_mlp(ops, layer, input, buffers);
  if (layer.mlp_residual) ops.norm(*layer.mlp_residual, buffers.stream, buffers.stream);
}

void Decoder::run_mlp(const Ops& ops, const LayerWeights& layer, const at::Tensor& input,
                      Buffers& buffers) const {
  if (layer.experts) return run_experts(ops, layer, input, buffers);
  run_inner_mlp(ops, layer, input, buffers.mlp);
  add_branch(ops, layer.contract, buffers.mlp.inner, layer.post_mlp, buffers);
}

void Decoder::run_inner_mlp(const Ops& ops, const LayerWeights& layer, const at::Tensor& input,
                            MlpBuffers& buffers) const {
  ops.linear(layer.expand, input, buffers.expanded);
  if (spec_.mlp.gated) {
    ops.gate(spec_.mlp.activation, buffers.expanded, buffers.inner);
  } else if (layer.xielu) {
    apply_xielu(*layer.xielu, buffers.inner);
  } else {
    ops.activate(spec_.mlp.activation, buffers.inner);
  }
}

void Decoder::run_experts(const Ops& ops, const LayerWeights& layer, const at::Tensor& input,
                          Buffers& buffers) const {
  ops.experts(spec_.mlp.moe, spec_.mlp.activation, *layer.experts, input, buffers.branch);
  if (layer.expand.defined()) {
    run_inner_mlp(ops, layer, input, buffers.shared_expert);
    if (layer.shared_router.defined()) {
      at::Tensor share = at::empty({input.size(0), 1}, input.options());
      ops.linear(layer.shared_router, input, share);
      buffers.shared_expert.inner.mul_(share.sigmoid_());
    }
    ops.linear_add(layer.contract, buffers.shared_expert.inner, buffers.branch);
  }
  if (layer.post_mlp) ops.norm(*layer.post_mlp, buffers.branch, buffers.branch);
  ops.add(buffers.branch, spec_.residual_scale, buffers.stream);
}

void Decoder::add_branch(const Ops& ops, const Linear& linear, const at::Tensor& input,
                         const std::optional<Norm>& norm, Buffers& buffers) const {
  if (!norm && spec_.residual_scale == 1) {
    ops.linear_add(linear, input, buffers.stream);
    return;
  }
  ops.linear(linear, input, buffers.branch);
  if (norm) ops.norm(*norm, buffers.branch, buffers.branch);
  ops.add(buffers.branch, spec_.residual_scale, buffers.stream);
}

at::Tensor Decoder::finish(const Ops& ops, at::Tensor stream, Buffers& buffers) const {
  if (weights_.final_norm) ops.norm(*weights_.final_norm, stream, stream);
  if (weights_.project_out.defined()) {
    at::Tensor narrow =
        at::empty({stream.size(0), weights_.project_out.out_features()}, stream.options());
    ops.linear(weights_.project_out, stream, narrow);
    stream = narrow;
  }
  const std::vector<int64_t> shape = {stream.size(0), weights_.head.out_features()};
  if (!buffers.logits.defined() || buffers.logits.sizes() != shape) {
    buffers.logits = at::empty(shape, stream.options());
  }
  ops.linear(weights_.head, stream, buffers.logits);
  at::Tensor logits = buffers.logits;
  if (spec_.logit_scale != 1) logits = logits * spec_.logit_scale;
  if (spec_.final_softcap != 0) {
    logits = (logits / spec_.final_softcap).tanh() * spec_.final_softcap;
  }
  return logits.to(at::kFloat);
}

}  // namespace aieb::engine
