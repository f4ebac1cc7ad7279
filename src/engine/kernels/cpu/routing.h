#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/spec/model_spec.h"

namespace aieb::engine::cpu {

/// One expert of one token, and the weight of its output.
struct Choice {
  std::int64_t expert = 0;
  float weight = 0;
};

/// The experts with the highest router scores, highest first (of equals the lower index), chosen
/// and weighted as `spec` says. `bias` is added to scores to choose by them; empty: none.
std::vector<Choice> pick_experts(const MoeSpec& spec, std::span<const float> logits,
                                 std::span<const float> bias = {});

}  // namespace aieb::engine::cpu
