#include "engine/spec/family_parts.h"
#include "engine/spec/name_maps.h"
#include "engine/spec/rope_config.h"

// One function a family: what differs from its relatives. Defaults for absent keys are those of the
// configuration classes of transformers 5.
namespace aieb::engine {
namespace {

/// LayerNorm and a plain MLP with learned positions: GPT-2 and its relatives.
ModelSpec gpt_like(const ConfigReader& config, const NameMap& names, const char* activation_key) {
  ModelSpec spec = read_sizes(config, names);
  spec.norm = {.kind = NormKind::kLayerNorm,
               .eps = config.get({"layer_norm_epsilon", "layer_norm_eps"}, 1e-5)};
  spec.position = PositionKind::kLearned;
  spec.mlp.gated = false;
  spec.mlp.activation = read_activation(config, activation_key, "gelu_new");
  spec.tied_head = config.get("tie_word_embeddings", true);
  return spec;
}

}  // namespace

ModelSpec gpt2(const ConfigReader& config, const Json&) {
  ModelSpec spec = gpt_like(config, names::kGpt2, "activation_function");
  spec.attention.layout = QkvLayout::kConcat;
  if (!config.get("scale_attn_weights", true)) spec.attention.scale = 1;
  if (config.get("scale_attn_by_inverse_layer_idx", false)) {
    for (size_t i = 0; i < spec.layers.size(); ++i) {
      spec.layers[i].attention_scale = spec.attention.scale / static_cast<double>(i + 1);
    }
  }
  return spec;
}

ModelSpec gpt_neo(const ConfigReader& config, const Json&) {
  ModelSpec spec = gpt_like(config, names::kGptNeo, "activation_function");
  spec.attention.scale = 1;  // the family has none
  const auto window = config.get<int64_t>("window_size", 256);
  auto kinds = config.get("attention_layers", std::vector<std::string>{});
  if (kinds.empty()) {
    const Json fallback = Json::parse(R"([[["global", "local"], 12]])");
    for (const auto& group : config.get("attention_types", fallback)) {
      for (int repeat = 0; repeat < group.at(1).get<int>(); ++repeat) {
        for (const auto& kind : group.at(0)) kinds.push_back(kind.get<std::string>());
      }
    }
  }
  for (size_t i = 0; i < spec.layers.size() && i < kinds.size(); ++i) {
    spec.layers[i].window = kinds[i] == "local" ? window : 0;
  }
  return spec;
}

ModelSpec gptj(const ConfigReader& config, const Json&) {
  ModelSpec spec = gpt_like(config, names::kGptj, "activation_function");
  spec.parallel_residual = true;
  spec.tied_head = config.get("tie_word_embeddings", false);
  spec.attention.rotates_neighbours = true;
  RopeSpec rope = read_rope(config, spec.attention.head_dim);
  rope.rotary_dim = config.get<int64_t>("rotary_dim", 64);
  if (rope.rotary_dim > spec.attention.head_dim) {
    config.fail("rotary_dim", "it is larger than a head");
  }
  set_rope(spec, rope);
  return spec;
}

ModelSpec starcoder2(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = read_sizes(config, names::kStarcoder2, {.kv_heads = 2});
  spec.norm = {.kind = NormKind::kLayerNorm, .eps = config.get("norm_epsilon", 1e-5)};
  spec.mlp.gated = false;
  spec.mlp.activation = read_activation(config, "hidden_act", "gelu_pytorch_tanh");
  spec.tied_head = config.get("tie_word_embeddings", true);
  set_rope(spec, read_rope(config, spec.attention.head_dim));
  for (auto& layer : spec.layers) layer.window = nullable_window(raw, 0);
  return spec;
}

ModelSpec bloom(const ConfigReader& config, const Json&) {
  ModelSpec spec = gpt_like(config, names::kBloom, "activation_function");
  if (config.get("apply_residual_connection_post_layernorm", false)) {
    config.fail("apply_residual_connection_post_layernorm", "true is not supported");
  }
  spec.attention.layout = QkvLayout::kPerHead;
  spec.mlp.activation = Activation::kGeluTanh;
  spec.position = PositionKind::kAlibi;
  spec.max_position = 0;
  return spec;
}

ModelSpec opt(const ConfigReader& config, const Json&) {
  const bool norm_first = config.get("do_layer_norm_before", true);
  ModelSpec spec =
      gpt_like(config, norm_first ? names::kOpt : names::kOptPostNorm, "activation_function");
  spec.mlp.activation = read_activation(config, "activation_function", "relu");
  spec.learned_offset = 2;
  return spec;
}

ModelSpec gpt_neox(const ConfigReader& config, const Json&) {
  ModelSpec spec = gpt_like(config, names::kGptNeox, "hidden_act");
  spec.mlp.activation = read_activation(config, "hidden_act", "gelu");
  spec.attention.layout = QkvLayout::kPerHead;
  spec.parallel_residual = config.get("use_parallel_residual", true);
  spec.tied_head = config.get("tie_word_embeddings", false);
  set_rope(spec, read_rope(config, spec.attention.head_dim, {.partial = 0.25}));
  return spec;
}

ModelSpec phi(const ConfigReader& config, const Json&) {
  ModelSpec spec = gpt_like(config, names::kPhi, "hidden_act");
  spec.parallel_residual = true;
  spec.tied_head = config.get("tie_word_embeddings", false);
  if (config.get("qk_layernorm", false)) spec.attention.qk_norm = spec.norm;
  set_rope(spec, read_rope(config, spec.attention.head_dim, {.partial = 0.5}));
  return spec;
}

ModelSpec falcon(const ConfigReader& config, const Json&) {
  const bool grouped = config.get("new_decoder_architecture", false);
  const bool parallel = grouped || config.get("parallel_attn", true);
  const bool two_norms = grouped && config.get("num_ln_in_parallel_attn", 2) == 2;
  const NameMap& names = !parallel   ? names::kFalconSequential
                         : two_norms ? names::kFalconTwoNorms
                                     : names::kFalconSharedNorm;
  ModelSpec spec = gpt_like(config, names, "activation");
  spec.mlp.activation = read_activation(config, "activation", "gelu");
  spec.parallel_residual = parallel;
  AttentionSpec& attention = spec.attention;
  if (grouped) {
    attention.kv_heads = config.get<int64_t>({"num_kv_heads", "n_head_kv"}, attention.heads);
    attention.layout = QkvLayout::kPerGroup;
  } else {
    const bool multi_query = config.get("multi_query", true);
    attention.kv_heads = multi_query ? 1 : attention.heads;
    attention.layout = multi_query ? QkvLayout::kConcat : QkvLayout::kPerHead;
  }
  if (config.get("alibi", false)) {
    spec.position = PositionKind::kAlibi;
    spec.alibi_in_bf16 = true;
    spec.alibi_scale = attention.scale;
    spec.max_position = 0;
  } else {
    set_rope(spec, read_rope(config, attention.head_dim));
  }
  return spec;
}

}  // namespace aieb::engine
