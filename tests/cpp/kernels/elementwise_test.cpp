#include <cmath>
#include <functional>
#include <stdexcept>

#include "engine/kernels/cpu/activation.h"
#include "engine/kernels/cpu/norm.h"
#include "engine/kernels/cpu/rope.h"
#include "kernels/support.h"

namespace aieb::engine::cpu {
namespace {

using Elementwise = EveryIsa;
AIEB_FOR_EVERY_ISA(Elementwise);

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double silu(double x) { return x * sigmoid(x); }
double gelu(double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }
double gelu_tanh(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double relu(double x) { return std::max(x, 0.0); }

struct Case {
  Activation activation;
  double (*truth)(double);
};
constexpr Case kCases[] = {{Activation::kSilu, silu},
                           {Activation::kGelu, gelu},
                           {Activation::kGeluTanh, gelu_tanh},
                           {Activation::kRelu, relu}};

/// Ordinary values of any count, and the extremes.
std::vector<float> inputs(Random& random) {
  std::vector<float> x = random.normal(random.integer(1, 100), 4);
  for (const float value :
       {0.f, -0.f, 1e-30f, 20.f, -20.f, 88.f, -88.f, 1e4f, -1e4f, 3e38f, -3e38f})
    x.push_back(value);
  return x;
}

TEST_P(Elementwise, activations_agree_with_double_precision_over_the_whole_range) {
  for (const Case& c : kCases) {
    const std::vector<float> x = inputs(random_);
    std::vector<float> y = x;
    activate(c.activation, y.data(), static_cast<std::int64_t>(y.size()));
    for (std::size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(y[i], c.truth(x[i]), 1e-6 * std::max(1.0, std::abs(double{x[i]})))
          << int(c.activation) << " of " << x[i];
  }
}

TEST_P(Elementwise, the_squared_relu_squares_what_is_positive) {
  std::vector<float> x = random_.normal(random_.integer(1, 100), 4);
  x.push_back(1e19f);
  std::vector<float> y = x;
  activate(Activation::kRelu2, y.data(), static_cast<std::int64_t>(y.size()));
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], x[i] > 0 ? x[i] * x[i] : 0) << x[i];
}

TEST_P(Elementwise, a_gate_multiplies_by_the_activation) {
  for (const Case& c : kCases) {
    const auto n = random_.integer(1, 70);
    const std::vector<float> gates = random_.normal(n, 3);
    const std::vector<float> ups = random_.normal(n, 3);
    std::vector<float> out = gates;
    gate(c.activation, out.data(), ups.data(), out.data(), n);  // in place
    for (std::int64_t i = 0; i < n; ++i)
      EXPECT_NEAR(out[i], c.truth(gates[i]) * ups[i], 1e-5) << int(c.activation);
  }
}

TEST_P(Elementwise, clamped_swiglu_follows_gpt_oss) {
  const std::vector<float> gates{-9, -1, 0.5f, 6.9f, 7.5f, 100};
  const std::vector<float> ups{-100, -7.1f, 0.25f, 7.1f, 3, 1e6f};
  std::vector<float> out(6);
  gate(Activation::kClampedSwiglu, gates.data(), ups.data(), out.data(), 6);
  for (int i = 0; i < 6; ++i) {
    const double g = std::min<double>(gates[i], 7);
    const double u = std::clamp<double>(ups[i], -7, 7);
    EXPECT_NEAR(out[i], g * sigmoid(1.702 * g) * (u + 1), 1e-5) << i;
  }
  EXPECT_THROW(activate(Activation::kClampedSwiglu, out.data(), 6), std::invalid_argument);
}

TEST_P(Elementwise, not_a_number_passes_through_activations) {
  for (const Case& c : kCases) {
    std::vector<float> x(5, NAN);
    activate(c.activation, x.data(), 5);
    for (const float y : x) EXPECT_TRUE(std::isnan(y)) << int(c.activation);
  }
}

TEST_P(Elementwise, norms_agree_with_double_precision) {
  for (int round = 0; round < 60; ++round) {
    const bool rms = random_.integer(0, 1) == 1;
    const auto dtype = static_cast<DType>(random_.integer(0, 2));
    const auto width = random_.integer(1, 700);
    std::vector<float> x = random_.normal(width, 2);
    for (float& value : x) value += 3;  // a mean far from 0 exposes a one-pass variance
    const Stored weight(dtype, random_.normal(width));
    const Stored bias(dtype, random_.normal(width));
    const bool with_bias = random_.integer(0, 1) == 1;
    const NormWeights norm{rms, weight.bytes.data(), with_bias ? bias.bytes.data() : nullptr, dtype,
                           1e-5f};
    std::vector<float> y(x.size());
    normalize(norm, x.data(), y.data(), width);

    double mean = 0;
    for (const float value : x) mean += rms ? 0 : double{value} / double(width);
    double variance = 0;
    for (const float value : x) variance += (value - mean) * (value - mean) / double(width);
    for (std::int64_t i = 0; i < width; ++i) {
      const double expected = (x[i] - mean) / std::sqrt(variance + 1e-5) * weight.values[i] +
                              (with_bias ? bias.values[i] : 0);
      EXPECT_NEAR(y[i], expected, 2e-5 * (1 + std::abs(expected))) << "width " << width;
    }
  }
}

TEST_P(Elementwise, a_norm_without_weights_only_scales_and_works_in_place) {
  std::vector<float> x{3, 4, 0, 0};
  normalize({.rms = true, .eps = 0}, x.data(), x.data(), 4);
  EXPECT_NEAR(x[0], 1.2, 1e-6);
  EXPECT_NEAR(x[1], 1.6, 1e-6);
}

TEST_P(Elementwise, argmax_is_the_first_of_the_highest) {
  for (int round = 0; round < 50; ++round) {
    const auto n = random_.integer(1, 5000);
    std::vector<float> x = random_.normal(n);
    x[static_cast<std::size_t>(random_.integer(0, n - 1))] = NAN;
    const float top = 50;  // above every draw
    const auto first = random_.integer(0, n - 1);
    const auto second = random_.integer(first, n - 1);
    x[static_cast<std::size_t>(first)] = x[static_cast<std::size_t>(second)] = top;
    EXPECT_EQ(argmax(x.data(), n), first) << "of " << n;
  }
  const std::vector<float> nothing(3, NAN);
  EXPECT_EQ(argmax(nothing.data(), 3), 0);
}

TEST(Rope, rotates_pairs_of_either_kind_and_leaves_the_rest) {
  const std::vector<float> cos{0.f, 0.6f};  // 90° and acos 0.6
  const std::vector<float> sin{1.f, 0.8f};
  std::vector<float> halves{1, 2, 3, 4, 9, /* second head */ 5, 6, 7, 8, 9};
  rotate(RopePairs::kHalves, halves.data(), 2, 5, 4, cos.data(), sin.data());
  const std::vector<float> expected_halves{-3, 2 * 0.6f - 4 * 0.8f, 1, 4 * 0.6f + 2 * 0.8f, 9,
                                           -7, 6 * 0.6f - 8 * 0.8f, 5, 8 * 0.6f + 6 * 0.8f, 9};
  for (int i = 0; i < 10; ++i) EXPECT_NEAR(halves[i], expected_halves[i], 1e-6) << i;

  std::vector<float> neighbours{1, 2, 3, 4, 9};
  rotate(RopePairs::kNeighbours, neighbours.data(), 1, 5, 4, cos.data(), sin.data());
  const std::vector<float> expected{-2, 1, 3 * 0.6f - 4 * 0.8f, 4 * 0.6f + 3 * 0.8f, 9};
  for (int i = 0; i < 5; ++i) EXPECT_NEAR(neighbours[i], expected[i], 1e-6) << i;
}

}  // namespace
}  // namespace aieb::engine::cpu
