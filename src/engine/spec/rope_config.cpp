#include "engine/spec/rope_config.h"

#include <array>
#include <cmath>
#include <string>

namespace aieb::engine {
namespace {

struct KindName {
  const char* name;
  RopeKind kind;
};
constexpr std::array kKinds = {
    KindName{"default", RopeKind::kDefault},   KindName{"linear", RopeKind::kLinear},
    KindName{"dynamic", RopeKind::kDynamic},   KindName{"yarn", RopeKind::kYarn},
    KindName{"longrope", RopeKind::kLongrope}, KindName{"su", RopeKind::kLongrope},
    KindName{"llama3", RopeKind::kLlama3},
};

RopeKind kind_of(const ConfigReader& config, const ConfigReader& parameters) {
  const auto name = parameters.get<std::string>({"rope_type", "type"}, "default");
  std::string known;
  for (const auto& entry : kKinds) {
    if (name == entry.name) return entry.kind;
    known += std::string(known.empty() ? "" : ", ") + entry.name;
  }
  config.fail("rope_scaling",
              "rope type '" + name + "' is not supported (supported: " + known + ")");
}

double yarn_magnitude(double factor, double mscale = 1) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

double attention_factor(const RopeSpec& rope, const ConfigReader& parameters) {
  if (parameters.has("attention_factor")) return parameters.get("attention_factor", 1.0);
  if (rope.kind == RopeKind::kYarn) {
    const auto mscale = parameters.get("mscale", 0.0);
    const auto mscale_all = parameters.get("mscale_all_dim", 0.0);
    if (mscale != 0 && mscale_all != 0) {
      return yarn_magnitude(rope.factor, mscale) / yarn_magnitude(rope.factor, mscale_all);
    }
    return yarn_magnitude(rope.factor);
  }
  if (rope.kind == RopeKind::kLongrope && rope.factor > 1) {
    return std::sqrt(1 + std::log(rope.factor) /
                             std::log(static_cast<double>(rope.original_max_position)));
  }
  return 1;
}

}  // namespace

double yarn_attention_magnitude(const ConfigReader& config, const RopeSpec& rope) {
  const auto mscale = ConfigReader(rope_parameters(config), "rope").get("mscale_all_dim", 0.0);
  if (rope.kind == RopeKind::kDefault || mscale == 0) return 1;
  return yarn_magnitude(rope.factor, mscale);
}

Json rope_parameters(const ConfigReader& config) {
  const Json* found = config.find("rope_scaling");
  if (found == nullptr || found->empty()) found = config.find("rope_parameters");
  return found != nullptr && found->is_object() ? *found : Json::object();
}

RopeSpec read_rope(const ConfigReader& config, int64_t head_dim, const RopeDefaults& defaults) {
  return read_rope(config, rope_parameters(config), head_dim, defaults);
}

RopeSpec read_rope(const ConfigReader& config, const Json& json, int64_t head_dim,
                   const RopeDefaults& defaults) {
  const ConfigReader parameters(json, "rope_scaling");
  RopeSpec rope;
  rope.kind = kind_of(config, parameters);
  const double outer_theta = config.get({"rope_theta", "rotary_emb_base"}, defaults.theta);
  rope.theta = parameters.get("rope_theta", outer_theta);
  const double outer_partial =
      config.get({"partial_rotary_factor", "rotary_pct"}, defaults.partial);
  const double partial = parameters.get("partial_rotary_factor", outer_partial);
  rope.rotary_dim = static_cast<int64_t>(static_cast<double>(head_dim) * partial);
  rope.max_position = config.get<int64_t>("max_position_embeddings", 2048);
  rope.original_max_position =
      config.get("original_max_position_embeddings",
                 parameters.get("original_max_position_embeddings", rope.max_position));
  const double implied_factor =
      static_cast<double>(rope.max_position) / static_cast<double>(rope.original_max_position);
  rope.factor = parameters.get("factor", rope.kind == RopeKind::kDefault ? 1.0 : implied_factor);
  rope.attention_factor = attention_factor(rope, parameters);
  rope.beta_fast = parameters.get("beta_fast", 32.0);
  rope.beta_slow = parameters.get("beta_slow", 1.0);
  rope.truncate = parameters.get("truncate", true);
  rope.low_freq_factor = parameters.get("low_freq_factor", 1.0);
  rope.high_freq_factor = parameters.get("high_freq_factor", 4.0);
  rope.short_factor = parameters.get("short_factor", std::vector<double>{});
  rope.long_factor = parameters.get("long_factor", std::vector<double>{});
  const auto pairs = static_cast<size_t>(rope.rotary_dim / 2);
  if (rope.kind == RopeKind::kLongrope &&
      (rope.short_factor.size() != pairs || rope.long_factor.size() != pairs)) {
    config.fail("rope_scaling", "longrope needs short_factor and long_factor with " +
                                    std::to_string(pairs) + " numbers each");
  }
  return rope;
}

}  // namespace aieb::engine
