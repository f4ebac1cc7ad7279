#include "engine/spec/families.h"

#include <array>
#include <cmath>
#include <vector>

#include "engine/spec/config_reader.h"
#include "engine/spec/name_maps.h"
#include "engine/spec/rope_config.h"

// One function a family: what differs from its relatives. Defaults for absent keys are those of the
// configuration classes of transformers 5.
namespace aieb::engine {
namespace {

constexpr const char* kSliding = "sliding_attention";

struct ActivationName {
  const char* name;
  Activation activation;
};
constexpr std::array kActivations = {
    ActivationName{"silu", Activation::kSilu},
    ActivationName{"swish", Activation::kSilu},
    ActivationName{"gelu", Activation::kGelu},
    ActivationName{"gelu_new", Activation::kGeluTanh},
    ActivationName{"gelu_fast", Activation::kGeluTanh},
    ActivationName{"gelu_pytorch_tanh", Activation::kGeluTanh},
    ActivationName{"relu", Activation::kRelu},
};

Activation read_activation(const ConfigReader& config, const char* key, const char* fallback) {
  const auto name = config.get<std::string>(key, fallback);
  std::string known;
  for (const auto& entry : kActivations) {
    if (name == entry.name) return entry.activation;
    known += std::string(known.empty() ? "" : ", ") + entry.name;
  }
  config.fail(key, "activation '" + name + "' is not supported (supported: " + known + ")");
}

struct HeadDefaults {
  int64_t kv_heads = 0;  ///< 0: as many as heads
  int64_t head_dim = 0;  ///< 0: hidden / heads
};

/// Sizes that all families share, under any of the names they have for them.
ModelSpec read_sizes(const ConfigReader& config, const NameMap& names, HeadDefaults defaults = {}) {
  ModelSpec spec;
  spec.names = &names;
  spec.hidden = config.size({"hidden_size", "n_embd", "n_embed", "d_model"});
  spec.vocabulary = config.size({"vocab_size"});
  spec.max_position = config.get<int64_t>({"max_position_embeddings", "n_positions", "n_ctx"}, 2048);
  spec.layers.resize(
      static_cast<size_t>(config.size({"num_hidden_layers", "n_layer", "num_layers"})));
  AttentionSpec& attention = spec.attention;
  attention.heads = config.size({"num_attention_heads", "n_head", "num_heads"});
  const bool silent = defaults.kv_heads == 0 ||
                      config.find("num_key_value_heads") != nullptr;
  attention.kv_heads = config.get("num_key_value_heads", silent ? attention.heads : defaults.kv_heads);
  attention.head_dim = config.get(
      "head_dim", defaults.head_dim != 0 ? defaults.head_dim : spec.hidden / attention.heads);
  attention.scale = 1 / std::sqrt(static_cast<double>(attention.head_dim));
  if (attention.heads % attention.kv_heads != 0) {
    config.fail("num_key_value_heads", "it does not divide the number of heads");
  }
  return spec;
}

void set_rope(ModelSpec& spec, RopeSpec rope) {
  spec.position = PositionKind::kRope;
  spec.ropes = {std::move(rope)};
  for (auto& layer : spec.layers) layer.rope = 0;
}

/// layer_types of the configuration, else `slides(i)`: which layers have the window.
template <typename Slides>
void set_windows(ModelSpec& spec, const ConfigReader& config, int64_t window, Slides slides) {
  const auto types = config.get("layer_types", std::vector<std::string>{});
  if (!types.empty() && types.size() < spec.layers.size()) {
    config.fail("layer_types", "it has fewer entries than the model has layers");
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const bool sliding = types.empty() ? slides(i) : types[i] == kSliding;
    spec.layers[i].window = sliding ? window : 0;
  }
}

constexpr auto kAllLayers = [](size_t) { return true; };

/// The window of families with a switch beside the size.
int64_t switched_window(const ConfigReader& config, int64_t fallback) {
  return config.get("use_sliding_window", false) ? config.get("sliding_window", fallback) : 0;
}

/// sliding_window where null means none and absence means the family's default.
int64_t nullable_window(const Json& config, int64_t fallback) {
  const auto found = config.find("sliding_window");
  if (found == config.end()) return fallback;
  return found->is_null() ? 0 : found->get<int64_t>();
}

/// RMS norms before both branches, gated SiLU, rotary halves: what most families vary.
ModelSpec llama_like(const ConfigReader& config, HeadDefaults heads = {},
                     const RopeDefaults& rope = {}) {
  ModelSpec spec = read_sizes(config, names::kLlama, heads);
  spec.norm.eps = config.get("rms_norm_eps", 1e-6);
  spec.mlp.activation = read_activation(config, "hidden_act", "silu");
  spec.tied_head = config.get("tie_word_embeddings", false);
  set_rope(spec, read_rope(config, spec.attention.head_dim, rope));
  return spec;
}

ModelSpec llama(const ConfigReader& config, const Json&) { return llama_like(config); }

ModelSpec mistral(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = llama_like(config, {.kv_heads = 8});
  const int64_t window = nullable_window(raw, 4096);
  for (auto& layer : spec.layers) layer.window = window;
  return spec;
}

ModelSpec qwen2(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 32});
  const auto first = static_cast<size_t>(config.get("max_window_layers", 28));
  set_windows(spec, config, switched_window(config, 4096), [first](size_t i) { return i >= first; });
  return spec;
}

ModelSpec qwen3(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 32, .head_dim = 128});
  spec.attention.qk_norm = spec.norm;
  const auto first = static_cast<size_t>(config.get("max_window_layers", 28));
  set_windows(spec, config, switched_window(config, 4096), [first](size_t i) { return i >= first; });
  return spec;
}

ModelSpec qwen3_moe(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 4});
  spec.names = &names::kQwenMoe;
  spec.attention.qk_norm = spec.norm;
  set_windows(spec, config, switched_window(config, 4096), kAllLayers);
  spec.mlp.moe = {.experts = config.get<int64_t>({"num_experts", "num_local_experts"}, 128),
                  .per_token = config.get<int64_t>("num_experts_per_tok", 8),
                  .renormalise = config.get("norm_topk_prob", false)};
  const auto dense = config.get("mlp_only_layers", std::vector<size_t>{});
  const auto step = config.get<size_t>("decoder_sparse_step", 1);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const bool listed = std::find(dense.begin(), dense.end(), i) != dense.end();
    spec.layers[i].moe = !listed && spec.mlp.moe.experts > 0 && (i + 1) % step == 0;
  }
  return spec;
}

ModelSpec mixtral(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 8}, {.theta = 1e6});
  spec.names = &names::kMixtral;
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  set_windows(spec, config, config.get<int64_t>("sliding_window", 0), kAllLayers);
  spec.mlp.moe = {.experts = config.get<int64_t>({"num_local_experts", "num_experts"}, 8),
                  .per_token = config.get<int64_t>("num_experts_per_tok", 2),
                  .renormalise = true};
  for (auto& layer : spec.layers) layer.moe = true;
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
  const auto cap = [&raw](const char* key, double fallback) {
    if (!raw.contains(key)) return fallback;
    return raw[key].is_null() ? 0.0 : raw[key].get<double>();
  };
  spec.attention.softcap = cap("attn_logit_softcapping", 50);
  spec.final_softcap = cap("final_logit_softcapping", 30);
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
  set_windows(spec, config, nullable_window(raw, 4096),
              [pattern](size_t i) { return (i + 1) % pattern != 0; });
  const Json parameters = rope_parameters(config);
  const bool nested = parameters.contains("full_attention") || parameters.contains(kSliding);
  const double theta = config.get("rope_theta", 1e6);
  const double local_theta = config.get("rope_local_base_freq", 1e4);
  Json global = nested ? parameters.value("full_attention", Json::object()) : parameters;
  Json local = nested ? parameters.value(kSliding, Json::object()) : Json::object();
  if (!global.contains("rope_theta")) global["rope_theta"] = theta;
  if (!local.contains("rope_theta")) local["rope_theta"] = local_theta;
  spec.ropes = {read_rope(config, global, spec.attention.head_dim, {}),
                read_rope(config, local, spec.attention.head_dim, {})};
  const auto types = config.get("layer_types", std::vector<std::string>{});
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const bool slides = types.empty() ? (i + 1) % pattern != 0 : types[i] == kSliding;
    spec.layers[i].rope = slides ? 1 : 0;
  }
  return spec;
}

ModelSpec gpt_oss(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = read_sizes(config, names::kGptOss, {.kv_heads = 8, .head_dim = 64});
  spec.norm = {.eps = config.get("rms_norm_eps", 1e-5), .cast_before_weight = false};
  spec.tied_head = config.get("tie_word_embeddings", false);
  spec.mlp.activation = Activation::kClampedSwiglu;
  spec.mlp.moe = {.experts = config.get<int64_t>({"num_local_experts", "num_experts"}, 128),
                  .per_token = config.get<int64_t>({"num_experts_per_tok", "experts_per_token"}, 4),
                  .softmax_after_topk = true};
  for (auto& layer : spec.layers) layer.moe = true;
  Json parameters = rope_parameters(config);
  if (parameters.empty()) {
    parameters = {{"rope_type", "yarn"}, {"factor", 32.0}, {"truncate", false},
                  {"original_max_position_embeddings", 4096}};
  }
  set_rope(spec, read_rope(config, parameters, spec.attention.head_dim, {.theta = 150000}));
  set_windows(spec, config, nullable_window(raw, 128), [](size_t i) { return i % 2 == 0; });
  return spec;
}

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

ModelSpec opt(const ConfigReader& config, const Json&) {
  const bool norm_first = config.get("do_layer_norm_before", true);
  ModelSpec spec = gpt_like(config, norm_first ? names::kOpt : names::kOptPostNorm, "activation_function");
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
  const NameMap& names = !parallel    ? names::kFalconSequential
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

struct Family {
  const char* model_type;
  ModelSpec (*spec)(const ConfigReader& config, const Json& raw);
};

constexpr std::array kFamilies = {
    Family{"llama", llama},         Family{"mistral", mistral},     Family{"qwen2", qwen2},
    Family{"qwen3", qwen3},         Family{"gpt2", gpt2},           Family{"opt", opt},
    Family{"gpt_neo", gpt_neo},     Family{"gpt_neox", gpt_neox},   Family{"phi", phi},
    Family{"phi3", phi3},           Family{"gemma", gemma},         Family{"gemma2", gemma2},
    Family{"gemma3_text", gemma3},  Family{"smollm3", smollm3},     Family{"falcon", falcon},
    Family{"mixtral", mixtral},     Family{"qwen3_moe", qwen3_moe}, Family{"gpt_oss", gpt_oss},
};

}  // namespace

std::string supported_model_types() {
  std::string types;
  for (const auto& family : kFamilies) types += std::string(types.empty() ? "" : ", ") + family.model_type;
  return types;
}

ModelSpec read_spec(const Json& config, const std::string& where) {
  const bool nested = config.contains("text_config") && config["text_config"].is_object();
  const Json& raw = nested ? config["text_config"] : config;
  const ConfigReader reader(config, where);
  auto type = reader.get<std::string>("model_type", "");
  for (const auto& family : kFamilies) {
    if (type != family.model_type) continue;
    ModelSpec spec = family.spec(reader, raw);
    spec.model_type = type;
    return spec;
  }
  throw ModelError(where + ": the architecture '" + type + "' is not supported by the native engine "
                   "(supported: " + supported_model_types() +
                   "); choose another model, or run it with backend.engine: transformers");
}

}  // namespace aieb::engine
