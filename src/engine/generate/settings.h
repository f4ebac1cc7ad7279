#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/request.h"

namespace aieb::engine {

/// How to generate, with every default resolved. The rules are those of transformers' `generate`.
struct GenerationSettings {
  int64_t max_new_tokens = 20;
  int64_t min_new_tokens = 0;  ///< until then no eos can be chosen
  bool sample = false;
  double temperature = 1;
  int64_t top_k = 50;  ///< 0: off
  double top_p = 1;
  double min_p = 0;
  double repetition_penalty = 1;
  std::vector<int64_t> eos;  ///< each of them ends a sequence
  int64_t pad = 0;           ///< fills rows of a batch that are shorter or finished
  std::vector<std::string> stop;
  uint64_t seed = 0;
  bool use_cache = true;
};

/// The model's own defaults, from its files.
struct ModelDefaults {
  Json generation_config;  ///< generation_config.json
  Json config;             ///< config.json, read where the former is silent about special tokens
};

/// Priority: the user's parameters, generation_config.json, transformers' defaults. Sampling itself
/// is decided by `GenerationParams::samples` alone. `pad` is the configuration's pad_token_id;
/// without one anywhere, the first eos pads. Throws ConfigError for values out of range.
GenerationSettings resolve_settings(const GenerationParams& user, const ModelDefaults& model,
                                    std::optional<int64_t> pad);

/// What the user or generation_config.json asks for and this engine does not do, as the keys are
/// written there ("generate_kwargs.num_beams"). Keys at values that change nothing are left out.
std::vector<std::string> unsupported_settings(const GenerationParams& user,
                                              const Json& generation_config);

}  // namespace aieb::engine
