// Equality with transformers on real shapes: tests/unit/test_engine_placement.py.
#include "engine/placement/planner.h"

#include <numeric>

#include <gtest/gtest.h>

namespace aieb::engine {
namespace {

/// An embedding, `blocks` blocks that stay whole, and a head, of these bytes.
ModelPart decoder(int64_t embedding, int blocks, int64_t block, int64_t head) {
  ModelPart layers{"layers", false, {}, {}};
  for (int i = 0; i < blocks; ++i) {
    layers.children.push_back({std::to_string(i), true, {{"weight", block, false}}, {}});
  }
  ModelPart body{"model", false, {}, {}};
  body.children = {{"embed", false, {{"weight", embedding, false}}, {}}, layers};
  ModelPart model;
  model.children = {body, {"head", false, {{"weight", head, false}}, {}}};
  return model;
}

Placement plan(const ModelPart& model, const Json& limits, Spread spread = Spread::kSequential,
               std::vector<TiedNames> tied = {}) {
  return plan_placement({.model = model,
                         .tied = std::move(tied),
                         .limits = user_limits(limits),
                         .limits_from_user = true,
                         .spread = spread});
}

using Places = std::map<std::string, Place>;

TEST(Placement, what_fits_on_one_place_is_one_entry) {
  const Placement placement = plan(decoder(10, 4, 10, 10), {{"0", 100}});
  EXPECT_EQ(placement.places, (Places{{"", "0"}}));
  EXPECT_EQ(placement.bytes.at("0"), 60);
}

TEST(Placement, the_first_gpu_keeps_room_for_the_largest_block) {
  const Placement placement = plan(decoder(10, 4, 10, 10), {{"0", 40}, {"1", 100}});
  EXPECT_EQ(placement.places, (Places{{"model.embed", "0"},
                                      {"model.layers.0", "0"},
                                      {"model.layers.1", "0"},
                                      {"model.layers.2", "1"},
                                      {"model.layers.3", "1"},
                                      {"head", "1"}}));
}

TEST(Placement, what_fits_nowhere_goes_to_the_disk) {
  const Placement placement = plan(decoder(10, 2, 10, 10), {{"0", 5}, {"cpu", 5}});
  EXPECT_EQ(placement.places, (Places{{"", "disk"}}));
}

TEST(Placement, balanced_uses_all_gpus_where_sequential_uses_one) {
  const ModelPart model = decoder(100, 20, 100, 100);
  const Json limits = {{"0", 10'000}, {"1", 10'000}};
  EXPECT_EQ(plan(model, limits).bytes.size(), 1U);
  const Placement balanced = plan(model, limits, Spread::kBalanced);
  ASSERT_EQ(balanced.bytes.size(), 2U);
  EXPECT_NEAR(static_cast<double>(balanced.bytes.at("0")), 1100, 100);
  const Placement low = plan(model, limits, Spread::kBalancedLow0);
  EXPECT_EQ(low.bytes.count("0"), 0U);
}

TEST(Placement, tied_parts_stay_together_and_count_once) {
  const Placement placement = plan(decoder(10, 4, 10, 10), {{"0", 40}, {"1", 100}},
                                   Spread::kSequential, {{"head.weight", "model.embed.weight"}});
  EXPECT_EQ(placement.places.at("head"), "0");
  EXPECT_EQ(placement.places.at("model.embed"), "0");
  EXPECT_EQ(placement.bytes.at("0") + placement.bytes.at("1"), 50);
}

TEST(Placement, a_name_covers_what_lies_below_it) {
  const Placement placement = plan(decoder(10, 4, 10, 10), {{"0", 40}, {"1", 100}});
  EXPECT_EQ(place_of(placement, "model.layers.3.weight"), "1");
  EXPECT_EQ(place_of(placement, "model.embed.weight"), "0");
  EXPECT_EQ(place_of(placement, "model.layers"), "");
}

}  // namespace
}  // namespace aieb::engine
