#include <random>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/kernels/aten_experts.h"
#include "engine/kernels/aten_ops.h"

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

}  // namespace
}  // namespace aieb::engine
