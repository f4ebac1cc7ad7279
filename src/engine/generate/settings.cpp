#include "engine/generate/settings.h"

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

}  // namespace aieb::engine
