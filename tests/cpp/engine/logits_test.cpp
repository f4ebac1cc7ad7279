#include "engine/generate/logits.h"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

namespace aieb::engine {
namespace {

std::vector<float> values(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + tensor.numel()};
}

std::vector<int> kept(const GenerationSettings& settings, const std::vector<float>& scores) {
  std::vector<int> indices;
  const auto probabilities = values(sampling_distribution(settings, at::tensor(scores)));
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities[i] > 0) indices.push_back(static_cast<int>(i));
  }
  return indices;
}

TEST(Logits, the_repetition_penalty_counts_a_repeated_token_once) {
  GenerationSettings settings;
  settings.repetition_penalty = 2;
  at::Tensor scores = at::tensor({4.0F, -4.0F, 1.0F});
  const std::vector<int64_t> sequence = {0, 0, 1};
  process_logits(settings, sequence, 0, scores);
  EXPECT_EQ(values(scores), (std::vector<float>{2, -8, 1}));
}

TEST(Logits, every_eos_is_banned_until_min_new_tokens) {
  GenerationSettings settings;
  settings.eos = {0, 2};
  settings.min_new_tokens = 3;
  at::Tensor scores = at::tensor({1.0F, 1.0F, 1.0F});
  process_logits(settings, {}, 2, scores);
  EXPECT_EQ(values(scores), (std::vector<float>{-INFINITY, 1, -INFINITY}));
  scores = at::tensor({1.0F, 1.0F, 1.0F});
  process_logits(settings, {}, 3, scores);
  EXPECT_EQ(values(scores), (std::vector<float>{1, 1, 1}));
}

TEST(Sampling, top_k_keeps_ties_with_the_kth_score) {
  GenerationSettings settings;
  settings.top_k = 2;
  EXPECT_EQ(kept(settings, {3, 1, 2, 2, 0}), (std::vector<int>{0, 2, 3}));
}

TEST(Sampling, top_p_keeps_the_smallest_set_that_reaches_p) {
  GenerationSettings settings;
  settings.top_k = 0;
  const std::vector<float> scores = {std::log(0.5F), std::log(0.3F), std::log(0.15F),
                                     std::log(0.05F)};
  settings.top_p = 0.7;
  EXPECT_EQ(kept(settings, scores), (std::vector<int>{0, 1}));
  settings.top_p = 0.9;
  EXPECT_EQ(kept(settings, scores), (std::vector<int>{0, 1, 2}));
  settings.top_p = 1e-6;
  EXPECT_EQ(kept(settings, scores), (std::vector<int>{0}));
}

TEST(Sampling, min_p_is_relative_to_the_best_token) {
  GenerationSettings settings;
  settings.top_k = 0;
  settings.min_p = 0.5;
  EXPECT_EQ(kept(settings, {std::log(0.6F), std::log(0.31F), std::log(0.09F)}),
            (std::vector<int>{0, 1}));
}

TEST(Sampling, temperature_comes_before_the_filters) {
  GenerationSettings settings;
  settings.top_k = 0;
  settings.top_p = 0.6;
  const std::vector<float> scores = {1, 0};
  EXPECT_EQ(kept(settings, scores), (std::vector<int>{0}));
  settings.temperature = 10;
  EXPECT_EQ(kept(settings, scores), (std::vector<int>{0, 1}));
}

TEST(Sampling, draws_follow_the_distribution) {
  const std::vector<double> expected = {0.5, 0.25, 0.2, 0.05, 0.0};
  const at::Tensor probabilities = at::tensor(expected).to(at::kFloat);
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(7);
  constexpr int kDraws = 20000;
  std::vector<int> counts(expected.size());
  for (int i = 0; i < kDraws; ++i) ++counts[static_cast<size_t>(draw(probabilities, generator))];
  double chi_square = 0;
  for (size_t i = 0; i + 1 < expected.size(); ++i) {
    const double mean = expected[i] * kDraws;
    chi_square += (counts[i] - mean) * (counts[i] - mean) / mean;
  }
  EXPECT_EQ(counts.back(), 0);
  EXPECT_LT(chi_square, 16.27);  // 3 degrees of freedom, 0.1 %
}

TEST(Sampling, a_seed_repeats_its_draws) {
  const at::Tensor probabilities = at::full({100}, 0.01F);
  const auto stream = [&](uint64_t seed) {
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    std::vector<int64_t> drawn;
    for (int i = 0; i < 10; ++i) drawn.push_back(draw(probabilities, generator));
    return drawn;
  };
  EXPECT_EQ(stream(1), stream(1));
  EXPECT_NE(stream(1), stream(2));
}

}  // namespace
}  // namespace aieb::engine
