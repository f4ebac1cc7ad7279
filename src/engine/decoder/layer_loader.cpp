#include "engine/decoder/layer_loader.h"

#include <cmath>
#include <utility>

#include <ATen/ATen.h>

#include "engine/decoder/mxfp4.h"
#include "engine/decoder/row_order.h"

namespace aieb::engine {
namespace {

constexpr int64_t kAny = MatrixLoader::kAny;

}  // namespace

LayerLoader::LayerLoader(TensorSource& source, const ModelSpec& spec, const LoadSettings& settings,
                         TensorCopies& copies)
    : source_(source),
      spec_(spec),
      plain_(source, false, settings.dtype, settings.device, std::nullopt, settings.in_place,
             copies),
      loader_(source, spec.names->transposed, settings.dtype, settings.device,
              settings.quantisation, settings.in_place, copies) {
  const AttentionSpec& attention = spec.attention;
  if (attention.latent.kv_rank > 0) return;
  const int64_t rotated = spec.ropes.empty() ? 0 : spec.ropes.front().rotary_dim;
  qkv_order_ = qkv_order(attention, rotated);
  if (attention.rotates_neighbours) head_order_ = halves_order(1, attention.head_dim, rotated);
}

LayerWeights LayerLoader::load(size_t i) {
  LayerWeights layer;
  const auto norm_of = [&](Slot slot) { return norm(source_.layer_module(slot, i), slot); };
  layer.pre_attention = norm_of(Slot::kPreAttentionNorm);
  layer.post_attention = norm_of(Slot::kPostAttentionNorm);
  layer.attention_residual = norm_of(Slot::kAttentionResidualNorm);
  layer.pre_mlp = norm_of(Slot::kPreMlpNorm);
  layer.post_mlp = norm_of(Slot::kPostMlpNorm);
  layer.mlp_residual = norm_of(Slot::kMlpResidualNorm);
  layer.attention = make_attention(i);
  if (spec_.attention.latent.kv_rank > 0) {
    layer.latent = load_latent(i);
  } else {
    layer.qkv = load_qkv(i);
  }
  layer.output = loader_.linear({{module(Slot::kOutput, i), spec_.hidden, {}}},
                                layer.attention.context_width());
  if (spec_.layers[i].moe) {
    layer.experts = load_experts(i);
    load_shared_expert(layer, i);
  } else {
    load_mlp(layer, i, Slot::kGate, Slot::kUp, Slot::kDown);
  }
  if (spec_.mlp.activation == Activation::kXielu) layer.xielu = load_xielu(i);
  return layer;
}

Attention LayerLoader::make_attention(size_t i) {
  const AttentionSpec& from = spec_.attention;
  const LayerSpec& layer = spec_.layers[i];
  Attention attention;
  attention.heads = from.heads;
  attention.kv_heads = from.kv_heads;
  attention.head_dim = from.head_dim;
  attention.value_dim = from.value_dim;
  attention.scale = layer.attention_scale != 0 ? layer.attention_scale : from.scale;
  attention.softcap = from.softcap;
  attention.window = layer.window;
  attention.chunk = layer.chunk;
  attention.rope = layer.rope;
  attention.norm_after_rope = from.norm_after_rope;
  if (layer.tempered) attention.temperature = from.temperature;
  if (from.qk_norm && layer.qk_norm) {
    attention.q_norm = head_norm(Slot::kQueryNorm, i, from.heads);
    attention.k_norm = head_norm(Slot::kKeyNorm, i, from.kv_heads);
  }
  if (const auto sinks = source_.layer_module(Slot::kSinks, i)) {
    attention.sinks = loader_.finish(source_.take(*sinks));
  }
  if (spec_.position == PositionKind::kAlibi) set_alibi(attention);
  return attention;
}

std::optional<Norm> LayerLoader::head_norm(Slot slot, size_t i, int64_t heads) {
  const auto name = source_.layer_module(slot, i);
  const NormSpec& spec = *spec_.attention.qk_norm;
  if (name && name->find("{}") != std::string::npos) {
    return loader_.norm_per_head(*name, spec, heads);
  }
  return loader_.norm(name, spec, kAny, false, head_order_);
}

void LayerLoader::set_alibi(Attention& attention) const {
  int64_t power = 1;
  while (power * 2 <= attention.heads) power *= 2;
  const auto sequence = [](int64_t n, int64_t first, int64_t step, int64_t count) {
    const at::Tensor exponents = at::arange(first, first + step * count, step, at::kInt);
    return at::pow(at::full({}, std::exp2(-8.0 / static_cast<double>(n)), at::kFloat), exponents);
  };
  at::Tensor slopes = sequence(power, 1, 1, power);
  if (power < attention.heads) {
    slopes = at::cat({slopes, sequence(2 * power, 1, 2, attention.heads - power)});
  }
  attention.alibi_slopes = slopes.to(at::kFloat).to(loader_.device());
  attention.alibi_scale = spec_.alibi_scale;
  attention.alibi_in_bf16 = spec_.alibi_in_bf16;
}

Linear LayerLoader::load_qkv(size_t i) {
  const auto fused = source_.layer_module(Slot::kQkv, i);
  const auto query = source_.layer_module(Slot::kQuery, i);
  const int64_t q = spec_.attention.heads * spec_.attention.head_dim;
  const int64_t kv = spec_.attention.kv_heads * spec_.attention.head_dim;
  if (fused && (!query || source_.contains(*fused + ".weight"))) {
    return loader_.linear({{*fused, q + 2 * kv, qkv_order_}}, spec_.hidden);
  }
  at::Tensor query_order;
  at::Tensor key_order;
  if (qkv_order_.defined()) {
    query_order = qkv_order_.narrow(0, 0, q);
    key_order = qkv_order_.narrow(0, q, kv) - q;
  }
  return loader_.linear({{*query, q, query_order},
                         {module(Slot::kKey, i), kv, key_order},
                         {module(Slot::kValue, i), kv, {}}},
                        spec_.hidden);
}

LatentProjections LayerLoader::load_latent(size_t i) {
  const AttentionSpec& attention = spec_.attention;
  const LatentSpec& latent = attention.latent;
  LatentProjections out;
  out.kv_rank = latent.kv_rank;
  out.rotated = latent.rotated;
  const at::Tensor query_order = latent_query_order(attention);
  const int64_t q = attention.heads * attention.head_dim;
  if (latent.query_rank > 0) {
    out.query_down =
        loader_.linear({{module(Slot::kQueryDown, i), latent.query_rank, {}}}, spec_.hidden);
    out.query_norm =
        loader_.norm(module(Slot::kQueryDownNorm, i), latent.norm, latent.query_rank, false);
    out.query = loader_.linear({{module(Slot::kQueryUp, i), q, query_order}}, latent.query_rank);
  } else {
    out.query = loader_.linear({{module(Slot::kQuery, i), q, query_order}}, spec_.hidden);
  }
  out.kv_down = loader_.linear(
      {{module(Slot::kKvDown, i), latent.kv_rank + latent.rotated, latent_down_order(attention)}},
      spec_.hidden);
  out.kv_norm = loader_.norm(module(Slot::kKvDownNorm, i), latent.norm, latent.kv_rank, false);
  const int64_t up = attention.head_dim - latent.rotated + attention.value_dim;
  out.kv_up = loader_.linear(
      {{module(Slot::kKvUp, i), attention.heads * up, latent_up_order(attention)}}, latent.kv_rank);
  return out;
}

void LayerLoader::load_mlp(LayerWeights& layer, size_t i, Slot gate, Slot up, Slot down) {
  if (!spec_.mlp.gated) {
    layer.expand = loader_.linear({{module(up, i), kAny, {}}}, spec_.hidden);
  } else if (const auto fused = source_.layer_module(Slot::kGateUp, i);
             fused && source_.contains(*fused + ".weight")) {
    layer.expand = loader_.linear({{*fused, kAny, {}}}, spec_.hidden);
  } else {
    layer.expand =
        loader_.linear({{module(gate, i), kAny, {}}, {module(up, i), kAny, {}}}, spec_.hidden);
  }
  const int64_t wide = layer.expand.defined() ? layer.expand.out_features() : kAny;
  layer.contract = loader_.linear({{module(down, i), spec_.hidden, {}}},
                                  spec_.mlp.gated && wide != kAny ? wide / 2 : wide);
}

void LayerLoader::load_shared_expert(LayerWeights& layer, size_t i) {
  if (!source_.layer_module(Slot::kSharedUp, i)) return;
  load_mlp(layer, i, Slot::kSharedGate, Slot::kSharedUp, Slot::kSharedDown);
  if (const auto router = source_.layer_module(Slot::kSharedRouter, i)) {
    layer.shared_router = loader_.linear({{*router, 1, {}}}, spec_.hidden);
  }
}

Xielu LayerLoader::load_xielu(size_t i) {
  const std::string name = module(Slot::kActivation, i);
  const auto value = [&](const char* key, double fallback) {
    const at::Tensor stored = source_.take_if_present(name + "." + key);
    return stored.defined() ? stored.to(at::kDouble).reshape({-1})[0].item<double>() : fallback;
  };
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  Xielu xielu;
  xielu.beta = value("beta", xielu.beta);
  xielu.eps = value("eps", xielu.eps);
  for (const char* key : {"alpha_p", "alpha_n"}) {
    if (!source_.contains(name + "." + key)) source_.note_problem("missing: " + name + "." + key);
  }
  xielu.positive = softplus(value("alpha_p", 0));
  xielu.negative = xielu.beta + softplus(value("alpha_n", 0));
  return xielu;
}

Experts LayerLoader::load_experts(size_t i) {
  Experts experts;
  experts.router =
      plain_.linear({{module(Slot::kRouter, i), spec_.mlp.moe.experts, {}}}, spec_.hidden);
  if (const auto bias = source_.layer_module(Slot::kRouterBias, i)) {
    const at::Tensor stored = source_.take(*bias);
    if (stored.defined()) {
      experts.choice_bias = loader_.keep(stored.to(loader_.device(), at::kFloat));
    }
  }
  if (source_.layer_module(Slot::kStackedDown, i)) {
    load_stacked(experts, i);
  } else {
    load_separate(experts, i);
  }
  return experts;
}

void LayerLoader::load_separate(Experts& experts, size_t i) {
  const int64_t count = spec_.mlp.moe.experts;
  int64_t inner = kAny;
  for (int64_t e = 0; e < count; ++e) {
    const auto take = [&](Slot slot, int64_t rows, int64_t columns) {
      const std::string name = numbered(module(slot, i), e) + ".weight";
      return loader_.checked(name, source_.take(name), {rows, columns});
    };
    const at::Tensor gate = take(Slot::kExpertGate, inner, spec_.hidden);
    if (gate.defined()) inner = gate.size(0);
    const at::Tensor up = take(Slot::kExpertUp, inner, spec_.hidden);
    const at::Tensor down = take(Slot::kExpertDown, spec_.hidden, inner);
    if (!gate.defined() || !up.defined() || !down.defined()) return;
    if (e == 0) {
      experts.gate_up = loader_.reserve({count, 2 * inner, spec_.hidden});
      experts.down = loader_.reserve({count, spec_.hidden, inner});
    }
    loader_.fill(gate, experts.gate_up[e].narrow(0, 0, inner));
    loader_.fill(up, experts.gate_up[e].narrow(0, inner, inner));
    loader_.fill(down, experts.down[e]);
  }
}

void LayerLoader::load_stacked(Experts& experts, size_t i) {
  const auto in_turn = source_.layer_module(Slot::kInterleavedGateUp, i);
  const std::string gate_up = in_turn ? *in_turn : module(Slot::kStackedGateUp, i);
  const std::string down = module(Slot::kStackedDown, i);
  const at::Tensor wide = stacked_matrix(gate_up);
  const at::Tensor narrow = stacked_matrix(down);
  const at::Tensor wide_bias = source_.take_if_present(gate_up + "_bias");
  if (!wide.defined() || !narrow.defined()) return;
  at::Tensor order;
  if (in_turn) {
    const at::Tensor rows = at::arange(wide.size(1), at::kLong);
    order = at::cat({rows.slice(0, 0, {}, 2), rows.slice(0, 1, {}, 2)});
  }
  experts.gate_up = loader_.reserve(wide.sizes());
  experts.down = loader_.reserve(narrow.sizes());
  for (int64_t e = 0; e < wide.size(0); ++e) {
    loader_.fill(wide[e], experts.gate_up[e], order);
    loader_.fill(narrow[e], experts.down[e]);
  }
  if (wide_bias.defined()) {
    experts.gate_up_bias =
        loader_.finish(order.defined() ? wide_bias.index_select(1, order) : wide_bias);
  }
  experts.down_bias = loader_.finish(source_.take_if_present(down + "_bias"));
}

at::Tensor LayerLoader::stacked_matrix(const std::string& name) {
  if (source_.contains(name + "_blocks")) {
    const at::Tensor blocks = source_.take(name + "_blocks");
    if (blocks.defined()) prefetch(blocks);
    return decode_mxfp4(blocks, source_.take(name + "_scales"), loader_.dtype());
  }
  const at::Tensor stored = source_.take(name);
  return stored.defined() ? stored.transpose(1, 2) : stored;
}

std::optional<Norm> LayerLoader::norm(const std::optional<std::string>& name, Slot slot) {
  return loader_.norm(name, spec_.norm, spec_.hidden, source_.is_optional(slot));
}

std::string LayerLoader::module(Slot slot, size_t i) const {
  return *source_.layer_module(slot, i);
}

}  // namespace aieb::engine
