#include <map>
#include <random>
#include <span>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/kernels/aten_experts.h"
#include "engine/kernels/aten_ops.h"
#include "engine/kernels/cpu/routing.h"

namespace aieb::engine {
namespace {

TEST(Experts, gathering_the_chosen_ones_equals_going_through_all) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto pick = [&random](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  at::manual_seed(seed);
  for (int round = 0; round < 20; ++round) {
    MoeSpec spec;
    spec.experts = pick(2, 9);
    spec.per_token = pick(1, spec.experts);
    spec.score = static_cast<RouterScore>(round % 3);
    spec.weigh_input = round % 5 == 0;
    spec.renormalise = round % 3 == 0;
    const int64_t hidden = pick(1, 40);
    const int64_t inner = pick(1, 30);
    const int64_t rows = pick(1, AtenOps::kFewRows);
    const bool biased = round % 4 < 2;
    const auto maybe = [biased](const at::Tensor& bias) { return biased ? bias : at::Tensor{}; };
    Experts experts;
    experts.router = {at::randn({spec.experts, hidden}), maybe(at::randn({spec.experts}))};
    experts.gate_up = at::randn({spec.experts, 2 * inner, hidden});
    experts.gate_up_bias = maybe(at::randn({spec.experts, 2 * inner}));
    experts.down = at::randn({spec.experts, hidden, inner});
    experts.down_bias = maybe(at::randn({spec.experts, hidden}));

    const AtenOps ops;
    const at::Tensor x = at::randn({rows, hidden});
    const Routing routing = route(spec, experts, x);
    at::Tensor all = at::empty_like(x);
    at::Tensor chosen = at::empty_like(x);
    run_every_expert(ops, spec, Activation::kSilu, experts, routing, x, all);
    run_chosen_experts(ops, spec, Activation::kSilu, experts, routing, x, chosen);
    EXPECT_TRUE(at::allclose(chosen, all, 1e-4, 1e-4)) << "round " << round;
  }
}

/// A random routing: any score, with or without groups and a correction.
MoeSpec draw_routing(std::mt19937& random) {
  const auto pick = [&random](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  MoeSpec spec;
  spec.score = static_cast<RouterScore>(pick(0, 2));
  // Raw logits of several experts have no sum that means anything.
  spec.groups = spec.score == RouterScore::kSoftmaxOfChosen ? 1 : pick(1, 4);
  spec.groups_kept = pick(1, spec.groups);
  spec.experts = spec.groups * pick(1, 5);
  spec.per_token = pick(1, spec.experts / spec.groups * spec.groups_kept);
  spec.renormalise = pick(0, 1) == 1;
  spec.scale = pick(0, 1) == 1 ? 2.5 : 1;
  return spec;
}

TEST(Experts, are_chosen_alike_by_both_implementations) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  at::manual_seed(seed);
  for (int round = 0; round < 200; ++round) {
    const MoeSpec spec = draw_routing(random);
    Experts experts;
    experts.router = {at::eye(spec.experts), {}};  // the logits are the input
    std::span<const float> bias;
    // A correction to scores that softmax has not normalised has no meaning.
    if (spec.score == RouterScore::kSigmoid) {
      experts.choice_bias = at::randn({spec.experts});
      bias = {experts.choice_bias.const_data_ptr<float>(), static_cast<size_t>(spec.experts)};
    }
    const at::Tensor logits = at::randn({1, spec.experts});
    const Routing routing = route(spec, experts, logits);
    std::map<int64_t, float> expected;
    for (int64_t i = 0; i < spec.per_token; ++i) {
      expected[routing.experts[0][i].item<int64_t>()] = routing.weights[0][i].item<float>();
    }
    const auto chosen = cpu::pick_experts(
        spec, {logits.const_data_ptr<float>(), static_cast<size_t>(spec.experts)}, bias);
    ASSERT_EQ(chosen.size(), expected.size()) << "round " << round;
    for (const auto& [expert, weight] : chosen) {
      ASSERT_TRUE(expected.contains(expert)) << "round " << round;
      EXPECT_NEAR(weight, expected[expert], 1e-5) << "round " << round;
    }
  }
}

}  // namespace
}  // namespace aieb::engine
