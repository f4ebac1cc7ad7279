#include "engine/decoder/decoder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <ATen/ATen.h>

#include "engine/decoder/weight_moves.h"
#include "engine/kernels/aten_ops.h"

namespace aieb::engine {

Decoder::Decoder(ModelSpec spec, Weights weights, std::unique_ptr<Ops> ops,
                 std::unique_ptr<Ops> step_ops)
    : spec_(std::move(spec)),
      weights_(std::move(weights)),
      ops_(std::move(ops)),
      step_ops_(std::move(step_ops)) {
  for (const Lane& lane : plan().lanes) {
    auto& ropes = ropes_.emplace_back();
    for (const auto& rope : spec_.ropes) ropes.emplace_back(rope, lane.device);
  }
}

KvCache Decoder::make_cache(int64_t batch, int64_t capacity) {
  if (check_cache_) check_cache_(batch, capacity);
  KvCache cache;
  cache.batch = batch;
  cache.capacity = capacity;
  // Zeros, because recordable steps read unused entries, if only to give them no weight.
  for (size_t i = 0; i < spec_.layers.size(); ++i) {
    const auto options =
        at::TensorOptions().dtype(dtype()).device(plan().lane_of(plan().layer(i)).device);
    const auto make = [&](int64_t width) {
      return at::zeros({batch, spec_.attention.kv_heads, capacity, width}, options);
    };
    cache.layers.push_back({make(spec_.attention.head_dim), make(spec_.attention.value_dim)});
  }
  for (const Lane& lane : plan().lanes) {
    const auto options = at::TensorOptions().dtype(at::kLong).device(lane.device);
    cache.starts_memory.push_back(at::empty({batch}, options));
  }
  cache.starts.resize(plan().lanes.size());
  for (auto& ropes : ropes_) {
    for (auto& rope : ropes) {
      rope.prepare(capacity, ops_->activation_type(dtype()));
      if (step_ops_) rope.prepare(capacity, step_ops_->activation_type(dtype()));
    }
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
  std::vector<Buffers> made;
  Walk walk{ops, {}, count > 1 ? made : step_buffers_};
  for (size_t lane = 0; lane < plan().lanes.size(); ++lane) {
    walk.steps.push_back(make_step(cache, count, type, lane));
  }
  fit_buffers(walk.buffers, batch * count, type);
  run_layers(walk, tokens, cache);
  cache.length += count;
  const at::Tensor& stream = walk.here().stream;
  if (which == Logits::kAll) return finish(walk, stream).view({batch, count, -1});
  return finish(walk, stream.view({batch, count, -1}).select(1, count - 1).contiguous());
}

at::Tensor Decoder::forward_recordable(const at::Tensor& tokens, const at::Tensor& index,
                                       int64_t keys, KvCache& cache) {
  const auto type = ops_->activation_type(dtype());
  Step step;
  step.batch = cache.batch;
  step.past = keys - 1;
  step.index = index;
  step.starts = cache.starts.front();
  step.start_of = cache.start_of;
  const at::Tensor positions = step_positions(step, device());
  for (const auto& rope : ropes_.front()) step.rope.push_back(rope.rows(positions, keys, type));
  fit_buffers(recordable_buffers_, cache.batch, type);
  Walk walk{*ops_, {std::move(step)}, recordable_buffers_};
  run_layers(walk, tokens, cache);
  return finish(walk, walk.here().stream);
}

int64_t Decoder::recordable_keys(int64_t batch) const {
  const bool mixture = std::ranges::any_of(
      weights_.layers, [](const LayerWeights& layer) { return layer.experts.has_value(); });
  if ((mixture && batch > AtenOps::kFewRows) || !plan().is_one_device()) return 0;
  int64_t keys = std::numeric_limits<int64_t>::max();
  for (const auto& rope : ropes_.front()) {
    if (rope.static_limit() > 0) keys = std::min(keys, rope.static_limit());
  }
  return keys;
}

void Decoder::run_layers(Walk& walk, const at::Tensor& tokens, KvCache& cache) {
  embed(walk, tokens);
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    const Site site = plan().layer(i);
    enter(walk, site.lane);
    const at::Device device = plan().lane_of(site).device;
    const auto run = [&](const LayerWeights& layer) {
      run_layer(walk.ops, layer, walk.step(), cache.layers[i], walk.here());
    };
    switch (site.keep) {
      case Keep::kOnLane:
        run(weights_.layers[i]);
        break;
      case Keep::kOnCpu:
        run(brought(weights_.layers[i], device));
        break;
      case Keep::kOnDisk:
        run(weights_.read_layer(i, device));
        break;
    }
  }
}

void Decoder::enter(Walk& walk, size_t lane) {
  if (lane == walk.lane) return;
  const at::Tensor& from = walk.here().stream;
  walk.lane = lane;
  walk.here().stream.copy_(from, /*non_blocking=*/true);
  ++moves_;
}

at::Tensor Decoder::carried(Walk& walk, const at::Tensor& stream, size_t lane) {
  if (lane == walk.lane) return stream;
  walk.lane = lane;
  ++moves_;
  return stream.to(stream.options().device(plan().lanes[lane].device), /*non_blocking=*/true,
                   /*copy=*/true);
}

void Decoder::fit_buffers(std::vector<Buffers>& buffers, int64_t rows, at::ScalarType type) const {
  buffers.resize(plan().lanes.size());
  for (size_t lane = 0; lane < buffers.size(); ++lane) {
    const at::Tensor& stream = buffers[lane].stream;
    const bool fits = stream.defined() && stream.size(0) == rows && stream.scalar_type() == type;
    if (fits) continue;
    buffers[lane] =
        make_buffers(rows, at::TensorOptions().dtype(type).device(plan().lanes[lane].device));
  }
}

Decoder::Buffers Decoder::make_buffers(int64_t rows, at::TensorOptions options) const {
  const LayerWeights& first = weights_.layers.front();
  const auto make = [&](int64_t width) { return at::empty({rows, width}, options); };
  Buffers buffers;
  buffers.stream = make(spec_.hidden);
  buffers.normed = make(spec_.hidden);
  if (spec_.parallel_residual && first.pre_mlp) buffers.normed2 = make(spec_.hidden);
  buffers.branch = make(spec_.hidden);
  buffers.qkv = make(first.attention.qkv_width());
  buffers.context = make(first.attention.context_width());
  buffers.mlp = make_mlp_buffers(rows, options, false);
  buffers.shared_expert = make_mlp_buffers(rows, options, true);
  return buffers;
}

Decoder::MlpBuffers Decoder::make_mlp_buffers(int64_t rows, at::TensorOptions options,
                                              bool moe) const {
  const auto layer = std::ranges::find_if(weights_.layers, [moe](const LayerWeights& candidate) {
    return candidate.experts.has_value() == moe && candidate.expand.defined();
  });
  if (layer == weights_.layers.end()) return {};
  MlpBuffers buffers;
  buffers.expanded = at::empty({rows, layer->expand.out_features()}, options);
  buffers.inner = spec_.mlp.gated ? at::empty({rows, layer->contract.in_features()}, options)
                                  : buffers.expanded;
  return buffers;
}

Step Decoder::make_step(const KvCache& cache, int64_t tokens, at::ScalarType type,
                        size_t lane) const {
  const std::vector<Rope>& ropes = ropes_[lane];
  Step step;
  step.batch = cache.batch;
  step.tokens = tokens;
  step.past = cache.length;
  step.starts = cache.starts[lane];
  step.start_of = cache.start_of;
  if (ropes.empty()) return step;
  if (!cache.is_padded() && cache.batch == 1) {
    for (const auto& rope : ropes) step.rope.push_back(rope.range(step.past, tokens, type));
    return step;
  }
  const at::Tensor positions = step_positions(step, plan().lanes[lane].device);
  const int64_t padding = cache.is_padded() ? std::ranges::min(cache.start_of) : 0;
  for (const auto& rope : ropes) {
    step.rope.push_back(rope.rows(positions, step.length() - padding, type));
  }
  return step;
}

at::Tensor Decoder::look_up(const at::Tensor& table, const at::Tensor& rows) const {
  return table.index_select(0, rows.to(table.device())).to(dtype());
}

void Decoder::embed(Walk& walk, const at::Tensor& tokens) {
  walk.lane = plan().end(Slot::kEmbedding).lane;
  const auto type = walk.here().stream.scalar_type();
  at::Tensor rows = look_up(weights_.embedding, tokens.reshape({-1}));
  if (spec_.embedding_scale != 1) {
    // The factor is rounded to the weights' type, as the families that have it do.
    rows = rows * at::scalar_tensor(spec_.embedding_scale, rows.options());
  }
  rows = rows.to(type);
  if (weights_.project_in.defined()) {
    const at::Device device = walk.here().stream.device();
    walk.ops.linear(brought(weights_.project_in, device, dtype()), rows.to(device),
                    walk.here().stream);
  } else {
    walk.here().stream.copy_(rows);
  }
  if (weights_.positions.defined()) {
    enter(walk, plan().end(Slot::kPositions).lane);
    at::Tensor& stream = walk.here().stream;
    const at::Tensor index = step_positions(walk.step(), stream.device()) + spec_.learned_offset;
    stream.add_(look_up(weights_.positions, index).to(stream.options()));
  }
  if (weights_.embedding_norm) {
    enter(walk, plan().end(Slot::kEmbeddingNorm).lane);
    at::Tensor& stream = walk.here().stream;
    walk.ops.norm(*weights_.embedding_norm, stream, stream);
  }
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

at::Tensor Decoder::finish(Walk& walk, at::Tensor stream) {
  if (weights_.final_norm) {
    stream = carried(walk, stream, plan().end(Slot::kFinalNorm).lane);
    walk.ops.norm(*weights_.final_norm, stream, stream);
  }
  if (weights_.project_out.defined()) {
    stream = carried(walk, stream, plan().end(Slot::kProjectOut).lane);
    at::Tensor narrow =
        at::empty({stream.size(0), weights_.project_out.out_features()}, stream.options());
    walk.ops.linear(brought(weights_.project_out, stream.device(), dtype()), stream, narrow);
    stream = narrow;
  }
  stream = carried(walk, stream, plan().end(Slot::kHead).lane);
  const std::vector<int64_t> shape = {stream.size(0), weights_.head.out_features()};
  at::Tensor& out = walk.here().logits;
  if (!out.defined() || out.sizes() != shape) out = at::empty(shape, stream.options());
  walk.ops.linear(brought(weights_.head, stream.device(), dtype()), stream, out);
  at::Tensor logits = out;
  if (spec_.logit_scale != 1) logits = logits * spec_.logit_scale;
  if (spec_.final_softcap != 0) {
    logits = (logits / spec_.final_softcap).tanh() * spec_.final_softcap;
  }
  return logits.to(at::kFloat);
}

}  // namespace aieb::engine
