#include <cmath>

#include "engine/spec/family_parts.h"
#include "engine/spec/name_maps.h"
#include "engine/spec/rope_config.h"

// One function a family: what differs from its relatives. Defaults for absent keys are those of the
// configuration classes of transformers 5.
namespace aieb::engine {
namespace {

/// Gemma 3 has two: index 0 for full layers, 1 for sliding ones (which no scaling applies to).
void set_gemma3_ropes(ModelSpec& spec, const ConfigReader& config) {
  const Json parameters = rope_parameters(config);
  const bool nested = parameters.contains("full_attention") || parameters.contains(kSliding);
  Json global = nested ? parameters.value("full_attention", Json::object()) : parameters;
  Json local = nested ? parameters.value(kSliding, Json::object()) : Json::object();
  if (!global.contains("rope_theta")) global["rope_theta"] = config.get("rope_theta", 1e6);
  if (!local.contains("rope_theta")) local["rope_theta"] = config.get("rope_local_base_freq", 1e4);
  spec.ropes = {read_rope(config, global, spec.attention.head_dim, {}),
                read_rope(config, local, spec.attention.head_dim, {})};
}

}  // namespace

ModelSpec llama(const ConfigReader& config, const Json&) { return llama_like(config); }

ModelSpec mistral(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = llama_like(config, {.kv_heads = 8});
  const int64_t window = nullable_window(raw, 4096);
  for (auto& layer : spec.layers) layer.window = window;
  return spec;
}

ModelSpec ministral3(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = llama_like(config, {.kv_heads = 8, .head_dim = 128});
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  const int64_t window = nullable_window(raw, 0);
  const ConfigReader parameters(rope_parameters(config), "rope_parameters");
  spec.attention.temperature = {
      .gain = parameters.get("llama_4_scaling_beta", 0.0),
      .period = static_cast<double>(spec.ropes.front().original_max_position)};
  for (auto& layer : spec.layers) {
    layer.window = window;
    layer.tempered = spec.attention.temperature.gain != 0;
  }
  return spec;
}

ModelSpec qwen2(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 32});
  const auto first = static_cast<size_t>(config.get("max_window_layers", 28));
  set_windows(spec, config, switched_window(config, 4096),
              [first](size_t i) { return i >= first; });
  return spec;
}

ModelSpec qwen3(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 32, .head_dim = 128});
  spec.attention.qk_norm = spec.norm;
  const auto first = static_cast<size_t>(config.get("max_window_layers", 28));
  set_windows(spec, config, switched_window(config, 4096),
              [first](size_t i) { return i >= first; });
  return spec;
}

ModelSpec smollm3(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 4}, {.theta = 2e6});
  spec.tied_head = config.get("tie_word_embeddings", true);
  const auto rotated = config.get("no_rope_layers", std::vector<int>{});  // 1: has rope
  const auto interval = config.get<size_t>("no_rope_layer_interval", 4);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const bool has_rope = i < rotated.size() ? rotated[i] != 0 : (i + 1) % interval != 0;
    spec.layers[i].rope = has_rope ? 0 : -1;
  }
  set_windows(spec, config, switched_window(config, 0),
              [&spec](size_t i) { return spec.layers[i].rope < 0; });
  return spec;
}

ModelSpec phi3(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config);
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  spec.attention.layout = QkvLayout::kConcat;
  set_windows(spec, config, config.get<int64_t>("sliding_window", 0), kAllLayers);
  RopeSpec& rope = spec.ropes.front();
  rope.recompute_at_switch = rope.kind == RopeKind::kLongrope;
  return spec;
}

ModelSpec gemma(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 16, .head_dim = 256});
  spec.norm.weight_offset = 1;
  spec.norm.cast_before_weight = false;
  spec.embedding_scale = std::sqrt(static_cast<double>(spec.hidden));
  spec.tied_head = config.get("tie_word_embeddings", true);
  spec.mlp.activation = read_activation(config, "hidden_activation", "gelu_pytorch_tanh");
  return spec;
}

ModelSpec gemma2(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = gemma(config, raw);
  spec.names = &names::kFourNorms;
  spec.attention.kv_heads = config.get<int64_t>("num_key_value_heads", 4);
  spec.attention.scale = 1 / std::sqrt(config.get("query_pre_attn_scalar", 256.0));
  spec.attention.softcap = nullable(raw, "attn_logit_softcapping", 50);
  spec.final_softcap = nullable(raw, "final_logit_softcapping", 30);
  set_windows(spec, config, nullable_window(raw, 4096), [](size_t i) { return i % 2 == 0; });
  return spec;
}

ModelSpec gemma3(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = gemma(config, raw);
  spec.names = &names::kFourNorms;
  spec.attention.kv_heads = config.get<int64_t>("num_key_value_heads", 4);
  spec.attention.scale = 1 / std::sqrt(config.get("query_pre_attn_scalar", 256.0));
  spec.attention.qk_norm = spec.norm;
  spec.attention.softcap = config.get("attn_logit_softcapping", 0.0);
  spec.final_softcap = config.get("final_logit_softcapping", 0.0);
  const auto pattern = config.get<size_t>("sliding_window_pattern", 6);
  const auto slides = [pattern](size_t i) { return (i + 1) % pattern != 0; };
  set_windows(spec, config, nullable_window(raw, 4096), slides);
  set_gemma3_ropes(spec, config);
  const auto sliding = sliding_layers(spec, config, slides);
  for (size_t i = 0; i < sliding.size(); ++i) spec.layers[i].rope = sliding[i] ? 1 : 0;
  return spec;
}

}  // namespace aieb::engine
