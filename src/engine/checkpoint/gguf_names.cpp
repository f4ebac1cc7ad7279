#include "engine/checkpoint/gguf_names.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace aieb::engine {
namespace {

constexpr std::array kArchitectures = {
    GgufArchitecture{"llama", "llama", true, 0},
    GgufArchitecture{"qwen2", "qwen2", false, 0},
    GgufArchitecture{"qwen3", "qwen3", false, 0},
    GgufArchitecture{"smollm3", "smollm3", true, 0},
    GgufArchitecture{"phi3", "phi3", false, 0},
    GgufArchitecture{"gemma", "gemma", false, 1},
    GgufArchitecture{"gemma2", "gemma2", false, 1},
    GgufArchitecture{"gemma3", "gemma3_text", false, 1},
};

struct Pair {
  std::string_view gguf;
  std::string_view hugging_face;
};

constexpr std::array kTopNames = {
    Pair{"token_embd", "model.embed_tokens"},
    Pair{"output_norm", "model.norm"},
    Pair{"output", "lm_head"},
};

constexpr std::array kBlockNames = {
    Pair{"attn_norm", "input_layernorm"},    Pair{"attn_q", "self_attn.q_proj"},
    Pair{"attn_k", "self_attn.k_proj"},      Pair{"attn_v", "self_attn.v_proj"},
    Pair{"attn_qkv", "self_attn.qkv_proj"},  Pair{"attn_output", "self_attn.o_proj"},
    Pair{"attn_q_norm", "self_attn.q_norm"}, Pair{"attn_k_norm", "self_attn.k_norm"},
    Pair{"ffn_gate", "mlp.gate_proj"},       Pair{"ffn_up", "mlp.up_proj"},
    Pair{"ffn_down", "mlp.down_proj"},
};
// The norm before the MLP is called after the attention in families with two norms a layer, and
// by its place in those with four.
constexpr std::array kTwoNorms = {Pair{"ffn_norm", "post_attention_layernorm"}};
constexpr std::array kFourNorms = {
    Pair{"post_attention_norm", "post_attention_layernorm"},
    Pair{"ffn_norm", "pre_feedforward_layernorm"},
    Pair{"post_ffw_norm", "post_feedforward_layernorm"},
};

// Keys under "<architecture>." of the metadata.
constexpr std::array kConfigKeys = {
    Pair{"context_length", "max_position_embeddings"},
    Pair{"block_count", "num_hidden_layers"},
    Pair{"feed_forward_length", "intermediate_size"},
    Pair{"embedding_length", "hidden_size"},
    Pair{"rope.freq_base", "rope_theta"},
    Pair{"attention.head_count", "num_attention_heads"},
    Pair{"attention.head_count_kv", "num_key_value_heads"},
    Pair{"attention.key_length", "head_dim"},
    Pair{"attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    Pair{"attention.sliding_window", "sliding_window"},
    Pair{"attn_logit_softcapping", "attn_logit_softcapping"},
    Pair{"final_logit_softcapping", "final_logit_softcapping"},
    Pair{"vocab_size", "vocab_size"},
};
constexpr std::array kTokenKeys = {
    Pair{"tokenizer.ggml.bos_token_id", "bos_token_id"},
    Pair{"tokenizer.ggml.eos_token_id", "eos_token_id"},
    Pair{"tokenizer.ggml.padding_token_id", "pad_token_id"},
};

template <typename Pairs>
std::optional<std::string> look_up(const Pairs& pairs, std::string_view name) {
  const auto found = std::ranges::find(pairs, name, &Pair::gguf);
  if (found == pairs.end()) return std::nullopt;
  return std::string(found->hugging_face);
}

bool has_four_norms(const GgufArchitecture& architecture) {
  return architecture.norm_offset != 0 && std::string_view(architecture.name) != "gemma";
}

/// Gemma's files do not say by what queries are scaled. The largest model of each generation, known
/// by its layers, divides by the root of hidden size over heads, the others by that of the head's
/// width (the rule that llama.cpp reads them by).
void add_gemma_query_scale(const std::string& architecture, Json& config) {
  const int64_t largest = architecture == "gemma2" ? 46 : architecture == "gemma3" ? 62 : 0;
  if (largest == 0) return;
  const auto value = [&config](const char* key) { return config.value(key, int64_t{0}); };
  const int64_t heads = std::max<int64_t>(value("num_attention_heads"), 1);
  config["query_pre_attn_scalar"] = value("num_hidden_layers") == largest
                                        ? value("hidden_size") / heads
                                        : config.value("head_dim", value("hidden_size") / heads);
}

Json rope_scaling(const std::string& prefix, const Json& metadata) {
  const std::string type = metadata.value(prefix + "rope.scaling.type", "none");
  if (type == "none") return nullptr;
  Json scaling = {{"rope_type", type}};
  const auto copy = [&](const char* from, const char* to) {
    if (metadata.contains(prefix + from)) scaling[to] = metadata[prefix + from];
  };
  copy("rope.scaling.factor", "factor");
  copy("rope.scaling.original_context_length", "original_max_position_embeddings");
  return scaling;
}

}  // namespace

const GgufArchitecture* find_gguf_architecture(const std::string& name) {
  const auto* found =
      std::ranges::find(kArchitectures, name, [](const auto& a) { return std::string(a.name); });
  return found == kArchitectures.end() ? nullptr : found;
}

std::string supported_gguf_architectures() {
  std::string names;
  for (const auto& a : kArchitectures) names += (names.empty() ? "" : ", ") + std::string(a.name);
  return names;
}

std::optional<std::string> hugging_face_name(const GgufArchitecture& architecture,
                                             const std::string& name) {
  const size_t last_dot = name.rfind('.');
  if (last_dot == std::string::npos) return std::nullopt;
  const std::string suffix = name.substr(last_dot);
  const std::string stem = name.substr(0, last_dot);
  if (!stem.starts_with("blk.")) {
    const auto top = look_up(kTopNames, stem);
    return top ? std::optional(*top + suffix) : std::nullopt;
  }
  const size_t block_end = stem.find('.', 4);
  if (block_end == std::string::npos) return std::nullopt;
  const std::string part = stem.substr(block_end + 1);
  auto slot = has_four_norms(architecture) ? look_up(kFourNorms, part) : look_up(kTwoNorms, part);
  if (!slot) slot = look_up(kBlockNames, part);
  // Phi-3 stores gate and up as one matrix under the name of up.
  if (slot && std::string_view(architecture.name) == "phi3" && part == "ffn_up") {
    slot = "mlp.gate_up_proj";
  }
  if (!slot) return std::nullopt;
  return "model.layers." + stem.substr(4, block_end - 4) + "." + *slot + suffix;
}

Json hugging_face_config(const GgufArchitecture& architecture, const Json& metadata, bool tied) {
  const std::string prefix = std::string(architecture.name) + ".";
  Json config = {{"model_type", architecture.model_type}, {"tie_word_embeddings", tied}};
  for (const auto& [from, to] : kConfigKeys) {
    const auto value = metadata.find(prefix + std::string(from));
    if (value != metadata.end()) config[std::string(to)] = *value;
  }
  for (const auto& [from, to] : kTokenKeys) {
    const auto value = metadata.find(std::string(from));
    if (value != metadata.end()) config[std::string(to)] = *value;
  }
  if (!config.contains("num_key_value_heads") && config.contains("num_attention_heads")) {
    config["num_key_value_heads"] = config["num_attention_heads"];
  }
  add_gemma_query_scale(architecture.name, config);
  const Json scaling = rope_scaling(prefix, metadata);
  if (!scaling.is_null()) config["rope_scaling"] = scaling;
  if (!config.contains("vocab_size") && metadata.contains("tokenizer.ggml.tokens")) {
    config["vocab_size"] = metadata["tokenizer.ggml.tokens"].size();
  }
  return config;
}

}  // namespace aieb::engine
