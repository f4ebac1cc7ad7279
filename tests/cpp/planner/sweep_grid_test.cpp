#include "runner/sweep_grid.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "runner/sweep_manifest.h"

namespace aieb {
namespace {

using Values = std::vector<std::string>;

TEST(SweepGrid, a_key_with_several_values_is_an_axis) {
  const auto axis = parse_sweep_axis("scenario.load.concurrency=1,2, 4");
  ASSERT_TRUE(axis);
  EXPECT_EQ(axis->key, "scenario.load.concurrency");
  EXPECT_EQ(axis->values, (Values{"1", "2", "4"}));
  EXPECT_FALSE(parse_sweep_axis("backend.model=org/name"));
}

TEST(SweepGrid, commas_inside_brackets_and_quotes_belong_to_a_value) {
  EXPECT_EQ(parse_sweep_axis("backend.device_ids=[0,1],[0]")->values, (Values{"[0,1]", "[0]"}));
  EXPECT_EQ(parse_sweep_axis("a={x: [1,2]},{x: 3}")->values, (Values{"{x: [1,2]}", "{x: 3}"}));
  EXPECT_EQ(parse_sweep_axis("a=\"b,c\",'d,e'")->values, (Values{"\"b,c\"", "'d,e'"}));
  EXPECT_FALSE(parse_sweep_axis("backend.device_ids=[0,1]"));
}

TEST(SweepGrid, values_that_make_no_point_are_refused) {
  EXPECT_THROW(parse_sweep_axis("a=1,,2"), ConfigError);
  EXPECT_THROW(parse_sweep_axis("a=1,2,1"), ConfigError);
  EXPECT_THROW(parse_sweep_axis("a=[1,2"), ConfigError);
  EXPECT_THROW(parse_sweep_axis("a='1,2"), ConfigError);
}

TEST(SweepGrid, has_every_combination_with_the_last_key_changing_fastest) {
  const SweepAxis axes[] = {{"backend.model", {"a", "b"}}, {"scenario.seed", {"1", "2", "3"}}};
  const auto points = sweep_points(axes);
  ASSERT_EQ(points.size(), 6U);
  EXPECT_EQ(label_of(points[0]), "model=a seed=1");
  EXPECT_EQ(label_of(points[1]), "model=a seed=2");
  EXPECT_EQ(label_of(points[5]), "model=b seed=3");
  EXPECT_EQ(overrides_of(points[5]), (Values{"backend.model=b", "scenario.seed=3"}));
}

TEST(SweepGrid, names_keys_in_full_where_their_last_words_are_equal) {
  EXPECT_EQ(label_of({{"a.x", "1"}, {"b.x", "2"}, {"b.y", "3"}}), "a.x=1 b.x=2 y=3");
}

TEST(SweepGrid, refuses_a_key_that_is_swept_twice_and_a_grid_without_end) {
  const SweepAxis twice[] = {{"a", {"1", "2"}}, {"a", {"3", "4"}}};
  EXPECT_THROW(sweep_points(twice), ConfigError);
  const std::vector<SweepAxis> many(14, {"", {"1", "2"}});
  std::vector<SweepAxis> named = many;
  for (size_t i = 0; i < named.size(); ++i) named[i].key = std::to_string(i);
  EXPECT_THROW(sweep_points(named), ConfigError);
}

TEST(SweepGrid, refuses_a_load_that_the_mode_does_not_look_at) {
  LoadConfig load;
  const SweepSettings concurrency = {{"scenario.load.concurrency", "4"}};
  const SweepSettings rate = {{"scenario.load.request_rate", "4"}};
  load.mode = "sequential";
  EXPECT_THROW(require_load_effect(concurrency, load), ConfigError);
  EXPECT_THROW(require_load_effect(rate, load), ConfigError);
  load.mode = "closed";
  EXPECT_NO_THROW(require_load_effect(concurrency, load));
  EXPECT_THROW(require_load_effect(rate, load), ConfigError);
  load.stages = Json::array({{{"duration_s", 1}, {"concurrency", 2}}});
  EXPECT_THROW(require_load_effect(concurrency, load), ConfigError);
  load.mode = "poisson";
  EXPECT_NO_THROW(require_load_effect(concurrency, load));  // a cap
  EXPECT_THROW(require_load_effect(rate, load), ConfigError);
}

SweepManifest sample_manifest() {
  SweepManifest m;
  m.name = "s";
  m.config = {{"name", "x"}};
  m.axes = {{"scenario.seed", {"1", "2"}}};
  m.record({.settings = {{"scenario.seed", "1"}}, .trace = "/out/runs/a.db"});
  m.record({.settings = {{"scenario.seed", "2"}}, .failure = "the server died", .exit_code = 5});
  return m;
}

TEST(SweepManifest, reads_back_what_it_wrote) {
  const SweepManifest m = sample_manifest();
  const Json json = to_json(m, "/out/sweeps/s");
  EXPECT_EQ(json["points"][0]["trace"], "../../runs/a.db");
  const SweepManifest back = manifest_from_json(json, "/out/sweeps/s");
  EXPECT_TRUE(back.same_sweep(m));
  ASSERT_EQ(back.entries.size(), 2U);
  EXPECT_EQ(back.entries[0].trace, "/out/runs/a.db");
  EXPECT_TRUE(back.entries[0].measured());
  EXPECT_EQ(back.entries[1].failure, "the server died");
  EXPECT_EQ(back.entries[1].exit_code, 5);
  EXPECT_EQ(to_json(back, "/out/sweeps/s"), json);
}

TEST(SweepManifest, follows_its_output_folder_to_another_place) {
  const Json json = to_json(sample_manifest(), "/out/sweeps/s");
  EXPECT_EQ(manifest_from_json(json, "/moved/sweeps/s").entries[0].trace, "/moved/runs/a.db");
}

TEST(SweepManifest, of_another_grid_search_or_configuration_is_another_sweep) {
  const SweepManifest m = sample_manifest();
  SweepManifest grid = m;
  grid.axes[0].values.push_back("3");
  SweepManifest config = m;
  config.config["name"] = "y";
  SweepManifest search = m;
  search.search = SweepSearch{};
  for (const SweepManifest& other : {grid, config, search}) {
    EXPECT_FALSE(m.same_sweep(other));
    EXPECT_NE(sweep_fingerprint(m), sweep_fingerprint(other));
  }
  SweepManifest further = m;
  further.entries.clear();
  EXPECT_EQ(sweep_fingerprint(m), sweep_fingerprint(further));
}

TEST(SweepManifest, keeps_one_entry_a_point_of_a_grid_and_every_probe_of_a_search) {
  SweepManifest m = sample_manifest();
  m.record({.settings = {{"scenario.seed", "2"}}, .trace = "/out/runs/b.db"});
  ASSERT_EQ(m.entries.size(), 2U);
  EXPECT_TRUE(m.entries[1].measured());

  SweepManifest search;
  search.search = SweepSearch{parse_search_range("scenario.load.concurrency=1..8")};
  for (const bool met : {true, false}) {
    search.record({.settings = {{"scenario.load.concurrency", "4"}}, .met = met});
  }
  const SweepManifest back = manifest_from_json(to_json(search, "/o"), "/o");
  ASSERT_EQ(back.probes().size(), 2U);
  EXPECT_EQ(back.probes()[0].load, 4);
  EXPECT_TRUE(back.probes()[0].met);
  EXPECT_FALSE(back.probes()[1].met);
  EXPECT_TRUE(back.same_sweep(search));
}

TEST(SweepManifest, of_another_shape_or_version_is_refused) {
  EXPECT_THROW(manifest_from_json(Json::array(), "/"), DataError);
  Json json = to_json(sample_manifest(), "/");
  json["schema"] = 2;
  EXPECT_THROW(manifest_from_json(json, "/"), DataError);
}

}  // namespace
}  // namespace aieb
