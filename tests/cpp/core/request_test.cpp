#include "core/request.h"

#include <gtest/gtest.h>

namespace aieb {
namespace {

TEST(Sampling, is_greedy_unless_a_sampling_parameter_was_given) {
  GenerationParams params;
  EXPECT_FALSE(params.samples());
  params.temperature = 0.7;
  EXPECT_TRUE(params.samples());
}

TEST(Sampling, temperature_zero_is_greedy) {
  GenerationParams params;
  params.temperature = 0;
  EXPECT_FALSE(params.samples());
}

TEST(Sampling, top_p_or_top_k_alone_sample) {
  GenerationParams params;
  params.top_p = 0.9;
  EXPECT_TRUE(params.samples());
  params = {};
  params.top_k = 5;
  EXPECT_TRUE(params.samples());
}

TEST(Sampling, do_sample_wins_over_the_other_parameters) {
  GenerationParams params;
  params.temperature = 0.7;
  params.do_sample = false;
  EXPECT_FALSE(params.samples());
}

}  // namespace
}  // namespace aieb
