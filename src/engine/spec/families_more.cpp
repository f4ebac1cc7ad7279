#include <cmath>
#include <string>

#include "engine/spec/family_parts.h"
#include "engine/spec/name_maps.h"

// Dense families further from Llama: other norms, residuals and rotations. Defaults for absent keys
// are those of the configuration classes of transformers 5.
namespace aieb::engine {
namespace {

/// Exaone 4 names the layers of a period with letters: "LLLG" has three local ones, then a global.
bool slides(const ConfigReader& config, size_t layer) {
  const Json* pattern = config.find("sliding_window_pattern");
  if (pattern != nullptr && pattern->is_string()) {
    const auto letters = pattern->get<std::string>();
    return !letters.empty() && letters[layer % letters.size()] == 'L';
  }
  const auto period = config.get<size_t>("sliding_window_pattern", 4);
  return period != 0 && (layer + 1) % period != 0;
}

void use_layer_norm(ModelSpec& spec, double eps) {
  spec.norm = {.kind = NormKind::kLayerNorm, .eps = eps};
}

}  // namespace

ModelSpec olmo2(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config);
  spec.names = &names::kPostNorms;
  spec.norm = {.eps = config.get("rms_norm_eps", 1e-5), .cast_before_weight = false};
  spec.attention.qk_norm = spec.norm;  // over all heads: the weight is that wide
  return spec;
}

ModelSpec granite(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config);
  spec.attention.scale = config.get("attention_multiplier", 1.0);
  spec.embedding_scale = config.get("embedding_multiplier", 1.0);
  spec.residual_scale = config.get("residual_multiplier", 1.0);
  spec.logit_scale = 1 / config.get("logits_scaling", 1.0);
  return spec;
}

ModelSpec cohere(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {}, {.theta = 500000});
  spec.names = &names::kSharedNorm;
  use_layer_norm(spec, config.get("layer_norm_eps", 1e-5));
  spec.parallel_residual = true;
  spec.attention.rotates_neighbours = true;
  if (config.get("use_qk_norm", false)) spec.attention.qk_norm = spec.norm;
  spec.logit_scale = config.get("logit_scale", 0.0625);
  spec.tied_head = config.get("tie_word_embeddings", true);
  return spec;
}

ModelSpec cohere2(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = cohere(config, raw);
  spec.attention.qk_norm.reset();
  set_rope(spec, read_rope(config, spec.attention.head_dim));
  const auto pattern = config.get<size_t>("sliding_window_pattern", 4);
  set_windows(spec, config, nullable_window(raw, 4096),
              [pattern](size_t i) { return (i + 1) % pattern != 0; });
  rotate_sliding_layers_only(spec);
  return spec;
}

ModelSpec stablelm(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 32}, {.partial = 0.25});
  spec.parallel_residual = config.get("use_parallel_residual", false);
  spec.names = spec.parallel_residual ? &names::kStablelmSharedNorm : &names::kStablelm;
  use_layer_norm(spec, config.get("layer_norm_eps", 1e-5));
  if (config.get("qk_layernorm", false)) spec.attention.qk_norm = spec.norm;
  return spec;
}

ModelSpec glm(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 2, .head_dim = 128}, {.partial = 0.5});
  spec.norm.eps = config.get("rms_norm_eps", 0.00000015625);
  spec.attention.rotates_neighbours = true;
  return spec;
}

ModelSpec glm4(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = glm(config, raw);
  spec.names = &names::kGlm4;
  return spec;
}

ModelSpec nemotron(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {}, {.partial = 0.5});
  use_layer_norm(spec, config.get("norm_eps", 1e-5));
  spec.norm.weight_offset = 1;
  spec.mlp.gated = false;
  spec.mlp.activation = read_activation(config, "hidden_act", "relu2");
  return spec;
}

ModelSpec exaone4(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = llama_like(config, {.kv_heads = 32});
  spec.names = &names::kPostNorms;
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  spec.attention.qk_norm = spec.norm;
  const int64_t window = nullable_window(raw, 4096);
  if (window == 0) return spec;
  set_windows(spec, config, window, [&config](size_t i) { return slides(config, i); });
  rotate_sliding_layers_only(spec);
  return spec;
}

ModelSpec ernie4_5(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 2, .head_dim = 128}, {.theta = 500000});
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  spec.attention.rotates_neighbours = true;
  spec.tied_head = config.get("tie_word_embeddings", true);
  return spec;
}

/// Hunyuan's "dynamic" scaling with alpha does not depend on the length.
ModelSpec hunyuan(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config);
  spec.names = &names::kHunyuan;
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  spec.attention.qk_norm = spec.norm;
  spec.attention.norm_after_rope = true;
  RopeSpec& rope = spec.ropes.front();
  const double alpha = ConfigReader(rope_parameters(config), "rope").get("alpha", 0.0);
  if (rope.kind == RopeKind::kDynamic && alpha != 0) {
    const auto dim = static_cast<double>(rope.rotary_dim);
    rope.kind = RopeKind::kDefault;
    rope.theta *= std::pow(alpha, dim / (dim - 2));
  }
  return spec;
}

ModelSpec apertus(const ConfigReader& config, const Json&) {
  ModelSpec spec = read_sizes(config, names::kApertus);
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  spec.attention.qk_norm = spec.norm;
  spec.mlp.gated = false;
  spec.mlp.activation = read_activation(config, "hidden_act", "xielu");
  spec.tied_head = config.get("tie_word_embeddings", false);
  Json parameters = rope_parameters(config);
  if (parameters.empty()) {
    parameters = {{"rope_type", "llama3"},
                  {"factor", 8.0},
                  {"original_max_position_embeddings", 8192},
                  {"low_freq_factor", 1.0},
                  {"high_freq_factor", 4.0}};
  }
  set_rope(spec, read_rope(config, parameters, spec.attention.head_dim, {.theta = 12e6}));
  return spec;
}

}  // namespace aieb::engine
