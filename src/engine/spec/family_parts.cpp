#include "engine/spec/family_parts.h"

#include <array>
#include <cmath>
#include <utility>

#include "engine/spec/name_maps.h"

namespace aieb::engine {
namespace {

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
    ActivationName{"relu2", Activation::kRelu2},
    ActivationName{"xielu", Activation::kXielu},
};

}  // namespace

Activation read_activation(const ConfigReader& config, const char* key, const char* fallback) {
  const auto name = config.get<std::string>(key, fallback);
  std::string known;
  for (const auto& entry : kActivations) {
    if (name == entry.name) return entry.activation;
    known += std::string(known.empty() ? "" : ", ") + entry.name;
  }
  config.fail(key, "activation '" + name + "' is not supported (supported: " + known + ")");
}

ModelSpec read_sizes(const ConfigReader& config, const NameMap& names, HeadDefaults defaults) {
  ModelSpec spec;
  spec.names = &names;
  spec.hidden = config.size({"hidden_size", "n_embd", "n_embed", "d_model"});
  spec.vocabulary = config.size({"vocab_size"});
  spec.max_position =
      config.get<int64_t>({"max_position_embeddings", "n_positions", "n_ctx"}, 2048);
  spec.layers.resize(
      static_cast<size_t>(config.size({"num_hidden_layers", "n_layer", "num_layers"})));
  AttentionSpec& attention = spec.attention;
  attention.heads = config.size({"num_attention_heads", "n_head", "num_heads"});
  const bool silent = defaults.kv_heads == 0 || config.find("num_key_value_heads") != nullptr;
  attention.kv_heads =
      config.get("num_key_value_heads", silent ? attention.heads : defaults.kv_heads);
  attention.head_dim = config.get(
      "head_dim", defaults.head_dim != 0 ? defaults.head_dim : spec.hidden / attention.heads);
  attention.value_dim = attention.head_dim;
  attention.scale = 1 / std::sqrt(static_cast<double>(attention.head_dim));
  if (attention.heads % attention.kv_heads != 0) {
    config.fail("num_key_value_heads", "it does not divide the number of heads");
  }
  return spec;
}

ModelSpec llama_like(const ConfigReader& config, HeadDefaults heads, const RopeDefaults& rope) {
  ModelSpec spec = read_sizes(config, names::kLlama, heads);
  spec.norm.eps = config.get("rms_norm_eps", 1e-6);
  spec.mlp.activation = read_activation(config, "hidden_act", "silu");
  spec.tied_head = config.get("tie_word_embeddings", false);
  set_rope(spec, read_rope(config, spec.attention.head_dim, rope));
  return spec;
}

void rotate_sliding_layers_only(ModelSpec& spec) {
  for (auto& layer : spec.layers) layer.rope = layer.window > 0 ? 0 : -1;
}

void set_rope(ModelSpec& spec, RopeSpec rope) {
  spec.position = PositionKind::kRope;
  spec.ropes = {std::move(rope)};
  for (auto& layer : spec.layers) layer.rope = 0;
}

int64_t switched_window(const ConfigReader& config, int64_t fallback) {
  return config.get("use_sliding_window", false) ? config.get("sliding_window", fallback) : 0;
}

double nullable(const Json& raw, const char* key, double fallback) {
  const auto found = raw.find(key);
  if (found == raw.end()) return fallback;
  return found->is_null() ? 0 : found->get<double>();
}

int64_t nullable_window(const Json& raw, int64_t fallback) {
  return static_cast<int64_t>(nullable(raw, "sliding_window", static_cast<double>(fallback)));
}

}  // namespace aieb::engine
