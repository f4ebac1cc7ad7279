#include "engine/generate/settings.h"

#include <algorithm>
#include <array>
#include <limits>

#include "core/error.h"

namespace aieb::engine {
namespace {

/// A key of generation_config.json; null counts as absent.
template <typename T>
T model_default(const Json& generation_config, const char* key, T fallback) {
  const auto found = generation_config.find(key);
  return found == generation_config.end() || found->is_null() ? fallback : found->get<T>();
}

/// One id, a list of ids, or nothing.
std::vector<int64_t> token_ids(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return {};
  if (found->is_array()) return found->get<std::vector<int64_t>>();
  return {found->get<int64_t>()};
}

std::vector<int64_t> special_token(const ModelDefaults& model, const char* key) {
  const auto ids = token_ids(model.generation_config, key);
  return ids.empty() ? token_ids(model.config, key) : ids;
}

void check_ranges(const GenerationSettings& settings) {
  const auto require = [](bool holds, const char* key, const char* range) {
    if (!holds)
      throw ConfigError(std::string("scenario.generate_kwargs.") + key + ": must be " + range);
  };
  require(settings.max_new_tokens > 0, "max_new_tokens", "at least 1");
  require(settings.min_new_tokens >= 0, "min_new_tokens", "at least 0");
  require(!settings.sample || settings.temperature > 0, "temperature",
          "above 0 when sampling (set do_sample: false for greedy)");
  require(settings.top_k >= 0, "top_k", "at least 0");
  require(settings.top_p > 0 && settings.top_p <= 1, "top_p", "above 0 and at most 1");
  require(settings.min_p >= 0 && settings.min_p <= 1, "min_p", "between 0 and 1");
  require(settings.repetition_penalty > 0, "repetition_penalty", "above 0");
}

/// A key of transformers' GenerationConfig that changes tokens, and the value that changes nothing
/// (besides null).
struct ForeignKey {
  const char* name;
  double neutral;
  bool sampling_only = false;
};
constexpr double kNoNeutral = std::numeric_limits<double>::quiet_NaN();
constexpr std::array kForeignKeys = {
    ForeignKey{"num_beams", 1},
    ForeignKey{"num_beam_groups", 1},
    ForeignKey{"penalty_alpha", 0},
    ForeignKey{"min_length", 0},
    ForeignKey{"no_repeat_ngram_size", 0},
    ForeignKey{"encoder_repetition_penalty", 1},
    ForeignKey{"guidance_scale", 1},
    ForeignKey{"bad_words_ids", kNoNeutral},
    ForeignKey{"suppress_tokens", kNoNeutral},
    ForeignKey{"begin_suppress_tokens", kNoNeutral},
    ForeignKey{"forced_bos_token_id", kNoNeutral},
    ForeignKey{"forced_eos_token_id", kNoNeutral},
    ForeignKey{"sequence_bias", kNoNeutral},
    ForeignKey{"exponential_decay_length_penalty", kNoNeutral},
    ForeignKey{"watermarking_config", kNoNeutral},
    ForeignKey{"typical_p", 1, true},
    ForeignKey{"epsilon_cutoff", 0, true},
    ForeignKey{"eta_cutoff", 0, true},
    ForeignKey{"top_h", kNoNeutral, true},
};

bool changes_tokens(const ForeignKey& key, const Json& value, bool samples) {
  if (value.is_null() || (key.sampling_only && !samples)) return false;
  return !value.is_number() || value.get<double>() != key.neutral;
}

}  // namespace

GenerationSettings resolve_settings(const GenerationParams& user, const ModelDefaults& model,
                                    std::optional<int64_t> pad) {
  const Json& defaults = model.generation_config;
  GenerationSettings settings;
  settings.max_new_tokens = user.max_new_tokens;
  settings.min_new_tokens = user.min_new_tokens;
  settings.sample = user.samples();
  if (settings.sample) {
    settings.temperature = user.temperature.value_or(model_default(defaults, "temperature", 1.0));
    settings.top_k = user.top_k ? *user.top_k : model_default<int64_t>(defaults, "top_k", 50);
    settings.top_p = user.top_p.value_or(model_default(defaults, "top_p", 1.0));
    settings.min_p = user.min_p.value_or(model_default(defaults, "min_p", 0.0));
  }
  settings.repetition_penalty =
      user.repetition_penalty.value_or(model_default(defaults, "repetition_penalty", 1.0));
  if (!user.ignore_eos) settings.eos = special_token(model, "eos_token_id");
  const auto model_pad = special_token(model, "pad_token_id");
  const auto any_eos = special_token(model, "eos_token_id");
  settings.pad = pad                  ? *pad
                 : !model_pad.empty() ? model_pad.front()
                 : !any_eos.empty()   ? any_eos.front()
                                      : 0;
  settings.stop = user.stop;
  settings.seed = user.seed.value_or(0);
  settings.use_cache = user.use_cache;
  check_ranges(settings);
  return settings;
}

std::vector<std::string> unsupported_settings(const GenerationParams& user,
                                              const Json& generation_config) {
  std::vector<std::string> names;
  for (const auto& [key, value] : user.extra.items()) {
    const auto* known = std::ranges::find(kForeignKeys, key,
                                          [](const ForeignKey& k) { return std::string(k.name); });
    if (known == kForeignKeys.end() || changes_tokens(*known, value, user.samples())) {
      names.push_back("generate_kwargs." + key);
    }
  }
  for (const ForeignKey& key : kForeignKeys) {
    const auto found = generation_config.find(key.name);
    if (found == generation_config.end() || user.extra.contains(key.name)) continue;
    if (changes_tokens(key, *found, user.samples())) {
      names.push_back(std::string("generation_config.json: ") + key.name);
    }
  }
  return names;
}

}  // namespace aieb::engine
