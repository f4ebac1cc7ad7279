#include "engine/spec/families.h"

#include <array>

#include "engine/spec/family_parts.h"

namespace aieb::engine {
namespace {

struct Family {
  const char* model_type;
  FamilySpec* spec;
};

constexpr std::array kFamilies = {
    Family{"llama", llama},
    Family{"mistral", mistral},
    Family{"mistral3", mistral},
    Family{"ministral3", ministral3},
    Family{"qwen2", qwen2},
    Family{"qwen3", qwen3},
    Family{"gpt2", gpt2},
    Family{"opt", opt},
    Family{"gpt_neo", gpt_neo},
    Family{"gptj", gptj},
    Family{"gpt_neox", gpt_neox},
    Family{"phi", phi},
    Family{"phi3", phi3},
    Family{"gemma", gemma},
    Family{"gemma2", gemma2},
    Family{"gemma3_text", gemma3},
    Family{"smollm3", smollm3},
    Family{"falcon", falcon},
    Family{"bloom", bloom},
    Family{"olmo2", olmo2},
    Family{"granite", granite},
    Family{"cohere", cohere},
    Family{"cohere2", cohere2},
    Family{"starcoder2", starcoder2},
    Family{"stablelm", stablelm},
    Family{"glm", glm},
    Family{"glm4", glm4},
    Family{"nemotron", nemotron},
    Family{"exaone4", exaone4},
    Family{"ernie4_5", ernie4_5},
    Family{"hunyuan_v1_dense", hunyuan},
    Family{"apertus", apertus},
    Family{"mixtral", mixtral},
    Family{"qwen2_moe", qwen2_moe},
    Family{"qwen3_moe", qwen3_moe},
    Family{"gpt_oss", gpt_oss},
    Family{"glm4_moe", glm4_moe},
    Family{"deepseek_v3", deepseek_v3},
    Family{"llama4_text", llama4},
    Family{"llama4", llama4},
};

/// Families that are asked for and cannot be rows: what they would need.
struct Outside {
  const char* model_type;
  const char* why;
};

constexpr const char* kRecurrent =
    " (some of its layers keep a recurrent state instead of keys and values)";
constexpr std::array kOutside = {
    Outside{"qwen3_next", kRecurrent},       Outside{"qwen3_5_text", kRecurrent},
    Outside{"granitemoehybrid", kRecurrent}, Outside{"falcon_h1", kRecurrent},
    Outside{"kimi_linear", kRecurrent},      Outside{"mamba2", kRecurrent},
};

std::string why_not(const std::string& model_type) {
  for (const auto& family : kOutside) {
    if (model_type == family.model_type) return family.why;
  }
  return "";
}

}  // namespace

std::string supported_model_types() {
  std::string types;
  for (const auto& family : kFamilies)
    types += std::string(types.empty() ? "" : ", ") + family.model_type;
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
  throw ModelError(where + ": the architecture '" + type +
                   "' is not supported by the native engine" + why_not(type) + "; supported are " +
                   supported_model_types() +
                   ". Run it with backend.engine: transformers, or choose another model");
}

}  // namespace aieb::engine
