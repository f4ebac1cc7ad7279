#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "engine/spec/config_reader.h"
#include "engine/spec/model_spec.h"
#include "engine/spec/rope_config.h"

namespace aieb::engine {

/// A family's specification from its configuration. `raw` is the configuration (of the text part)
/// as it stands, for the few keys where null and absent differ.
using FamilySpec = ModelSpec(const ConfigReader& config, const Json& raw);

FamilySpec llama, mistral, ministral3, qwen2, qwen3, smollm3, phi3, gemma, gemma2, gemma3;
FamilySpec olmo2, granite, cohere, cohere2, stablelm, glm, glm4, nemotron, exaone4, ernie4_5,
    hunyuan, apertus;
FamilySpec mixtral, qwen2_moe, qwen3_moe, gpt_oss, glm4_moe, deepseek_v3, llama4;
FamilySpec gpt2, gpt_neo, gptj, opt, gpt_neox, phi, falcon, bloom, starcoder2;

// What the functions above are made of.

inline constexpr const char* kSliding = "sliding_attention";

/// Throws ModelError for an activation that does not exist here.
Activation read_activation(const ConfigReader& config, const char* key, const char* fallback);

struct HeadDefaults {
  int64_t kv_heads = 0;  ///< where the key is absent; 0: as many as heads
  int64_t head_dim = 0;  ///< likewise; 0: hidden / heads
};

/// Sizes that all families share, under any of the names they have for them.
ModelSpec read_sizes(const ConfigReader& config, const NameMap& names, HeadDefaults defaults = {});

/// RMS norms before both branches, gated SiLU, rotary halves: what most families vary.
ModelSpec llama_like(const ConfigReader& config, HeadDefaults heads = {},
                     const RopeDefaults& rope = {});

/// All layers rotate with `rope`.
void set_rope(ModelSpec& spec, RopeSpec rope);

/// The window of families with a switch (use_sliding_window) beside the size.
int64_t switched_window(const ConfigReader& config, int64_t fallback);

/// A number where null means none (0) and absence means `fallback`.
double nullable(const Json& raw, const char* key, double fallback);
int64_t nullable_window(const Json& raw, int64_t fallback);

/// Which layers slide: layer_types of the configuration, else `slides(i)`.
template <typename Slides>
std::vector<bool> sliding_layers(const ModelSpec& spec, const ConfigReader& config, Slides slides) {
  const auto types = config.get("layer_types", std::vector<std::string>{});
  if (!types.empty() && types.size() < spec.layers.size()) {
    config.fail("layer_types", "it has fewer entries than the model has layers");
  }
  std::vector<bool> sliding(spec.layers.size());
  for (size_t i = 0; i < sliding.size(); ++i) {
    sliding[i] = types.empty() ? slides(i) : types[i] == kSliding;
  }
  return sliding;
}

template <typename Slides>
void set_windows(ModelSpec& spec, const ConfigReader& config, int64_t window, Slides slides) {
  const auto sliding = sliding_layers(spec, config, slides);
  for (size_t i = 0; i < sliding.size(); ++i) spec.layers[i].window = sliding[i] ? window : 0;
}

/// Only layers with a window rotate.
void rotate_sliding_layers_only(ModelSpec& spec);

inline constexpr auto kAllLayers = [](size_t) { return true; };

}  // namespace aieb::engine
