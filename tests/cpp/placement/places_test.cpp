#include "engine/placement/places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aieb::engine {
namespace {

using ::testing::HasSubstr;

std::string problem_of(const Json& value, const std::vector<int>& gpus) {
  try {
    return "none: " + place_from(value, gpus, "backend.device_map");
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(Places, have_the_spellings_of_transformers) {
  const std::vector<int> gpus = {2, 5};
  EXPECT_EQ(place_from(5, gpus, ""), "5");
  EXPECT_EQ(place_from("5", gpus, ""), "5");
  EXPECT_EQ(place_from("cuda:5", gpus, ""), "5");
  EXPECT_EQ(place_from("cuda", gpus, ""), "2");
  EXPECT_EQ(place_from("cpu", {}, ""), "cpu");
  EXPECT_EQ(place_from("disk", {}, ""), "disk");
}

TEST(Places, that_the_run_does_not_use_are_refused_with_the_way_out) {
  EXPECT_THAT(problem_of(1, {0}), HasSubstr("not one of backend.device_ids"));
  EXPECT_THAT(problem_of(0, {}), HasSubstr("backend.device"));
  EXPECT_THAT(problem_of("cuda", {}), HasSubstr("backend.device"));
  EXPECT_THAT(problem_of("cuda:x", {0}), HasSubstr("is no device"));
  EXPECT_THAT(problem_of(-1, {0}), HasSubstr("is no device"));
  EXPECT_THAT(problem_of("", {0}), HasSubstr("is no device"));
  EXPECT_THAT(problem_of(Json::array(), {0}), HasSubstr("is no device"));
}

TEST(Places, of_a_module_are_those_of_its_nearest_parent) {
  const Placement map =
      explicit_placement({{"", 0}, {"model.layers", 1}, {"model.layers.10", "cpu"}}, {0, 1});
  EXPECT_EQ(whole_place_of(map, "lm_head"), "0");
  EXPECT_EQ(whole_place_of(map, "model.layers.1"), "1");
  EXPECT_EQ(whole_place_of(map, "model.layers.10"), "cpu");
}

TEST(Places, of_a_module_may_be_given_by_all_of_its_parts) {
  const Placement map = explicit_placement({{"layers.0.attn", 1}, {"layers.0.mlp", 1}}, {0, 1});
  EXPECT_EQ(whole_place_of(map, "layers.0"), "1");
}

TEST(Places, of_a_module_that_is_divided_or_left_out_are_errors) {
  const Placement map =
      explicit_placement({{"layers.0", 0}, {"layers.0.mlp", 1}, {"layers.2.mlp", 0}}, {0, 1});
  EXPECT_THROW(whole_place_of(map, "layers.0"), DividedLayer);
  try {
    whole_place_of(map, "layers.1");
    FAIL();
  } catch (const DividedLayer&) {
    FAIL() << "nothing of it is placed";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no device to layers.1"));
  }
}

}  // namespace
}  // namespace aieb::engine
