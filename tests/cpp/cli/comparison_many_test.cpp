#include "cli/comparison_many.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reporters/sample_results.h"

namespace aieb::cli {
namespace {
using testing::bare_results;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::sample_results;

/// `factor` times the sample's energy, measured by the same sensors.
Results scaled_run(double factor, const char* name) {
  Results r = sample_results();
  r.name = name;
  r.environment["host"] = "h1";
  const auto scale = [factor](Quantity& q) { q = q.scaled(factor, q.unit); };
  scale(r.measure.total.gross);
  scale(r.energy_per_output_token);
  scale(r.energy_per_request);
  for (auto& [label, energy] : r.measure.domains) scale(energy.gross);
  return r;
}

ComparedRuns compared(std::vector<Results> runs) {
  ComparedRuns out{std::move(runs), {}};
  for (size_t i = 1; i < out.runs.size(); ++i) {
    out.against_first.push_back(compare(out.runs[0], out.runs[i]));
  }
  return out;
}

TEST(ComparisonMany, letters_go_on_after_z) {
  EXPECT_EQ(run_letter(0), "A");
  EXPECT_EQ(run_letter(25), "Z");
  EXPECT_EQ(run_letter(26), "AA");
}

TEST(ComparisonMany, says_which_run_used_less_and_whether_that_is_real) {
  const ComparedRuns c =
      compared({scaled_run(1, "a"), scaled_run(0.5, "half"), scaled_run(1.0005, "alike")});
  EXPECT_THAT(verdict_sentence(c, 1), HasSubstr("B used 50.0 % less energy per output token"));
  EXPECT_THAT(verdict_sentence(c, 1), HasSubstr("the difference is real"));
  EXPECT_THAT(verdict_sentence(c, 2), HasSubstr("no difference is shown"));
}

/// The same numbers from a model instead of sensors.
Results estimated(Results r) {
  r.measure.total.gross.source = Source::kEstimated;
  for (auto& [component, energy] : r.measure.components) energy.gross.source = Source::kEstimated;
  return r;
}

TEST(ComparisonMany, never_calls_a_difference_of_estimates_real) {
  const ComparedRuns c =
      compared({estimated(scaled_run(1, "a")), estimated(scaled_run(0.5, "half"))});
  EXPECT_THAT(verdict_sentence(c, 1), HasSubstr("more than its uncertainty. Estimated, not"));
  EXPECT_THAT(verdict_sentence(c, 1), Not(HasSubstr("is real")));
  EXPECT_THAT(comparison_table(c, {}), HasSubstr("energy per output token, estimated"));
  EXPECT_THAT(comparison_page(c), HasSubstr("\"same_sensors\":null"));
}

TEST(ComparisonMany, says_which_part_of_a_difference_is_estimated) {
  const ComparedRuns c = compared({scaled_run(1, "a"), scaled_run(0.5, "half")});
  EXPECT_THAT(verdict_sentence(c, 1), HasSubstr("real as far as its estimated part (dram) is"));
  EXPECT_THAT(comparison_table(c, {}), HasSubstr("energy per output token, partly estimated"));
}

TEST(ComparisonMany, shows_latencies_and_their_differences_with_their_uncertainty) {
  Results a = scaled_run(1, "a");
  Results b = scaled_run(1, "b");
  a.intervals.clear();
  b.intervals.clear();
  a.ttft_s = Distribution{100, 0.50, 0.10};
  b.ttft_s = Distribution{100, 0.60, 0.10};
  const std::string page = comparison_page(compared({a, b}));
  EXPECT_THAT(page, HasSubstr("\"text\":\"500 ± 20 ms\""));
  EXPECT_THAT(page, HasSubstr("\"difference\":\"100 ± 28 ms\""));
}

TEST(ComparisonMany, the_page_tells_the_pairs_and_their_order) {
  ComparedRuns c = compared({scaled_run(1, "a"), scaled_run(2, "b")});
  c.against_first[0].pairs = 2;
  c.against_first[0].order = {"A B", "B A"};
  EXPECT_THAT(comparison_page(c), HasSubstr("2 pairs of runs measured in turn (A B, B A)"));
}

TEST(ComparisonMany, makes_no_claim_about_unknown_energy) {
  EXPECT_THAT(verdict_sentence(compared({scaled_run(1, "a"), bare_results()}), 1),
              HasSubstr("cannot be compared"));
}

TEST(ComparisonMany, has_a_column_a_run_and_stars_where_it_differs) {
  const std::string text = comparison_table(
      compared({scaled_run(1, "a"), scaled_run(0.5, "half"), scaled_run(2, "two")}), {});
  EXPECT_THAT(text, HasSubstr("-50.0 %*"));
  EXPECT_THAT(text, HasSubstr("+100.0 %*"));
  EXPECT_THAT(text, Not(HasSubstr("warning")));
}

TEST(ComparisonMany, repeats_what_else_differs_when_it_was_forced) {
  Results other = scaled_run(1, "b");
  other.backend = "vllm";
  EXPECT_THAT(comparison_table(compared({scaled_run(1, "a"), scaled_run(1, "c"), other}), {}),
              HasSubstr("C and A differ in more than what is compared: backend: pytorch against"));
}

TEST(ComparisonMany, json_holds_every_comparison) {
  const Json json =
      comparisons_json(compared({scaled_run(1, "a"), scaled_run(0.5, "b"), scaled_run(2, "c")}));
  EXPECT_EQ(json["runs"].size(), 3U);
  EXPECT_EQ(json["comparisons"].size(), 2U);
  EXPECT_EQ(json["comparisons"][1]["metrics"][0]["ratio"], 2.0);
}

TEST(ComparisonMany, the_page_holds_the_runs_as_data) {
  const std::string page =
      comparison_page(compared({scaled_run(1, "a</script>"), scaled_run(2, "b")}));
  EXPECT_THAT(page, HasSubstr("data-kind=\"compare\""));
  EXPECT_THAT(page, Not(HasSubstr("a</script>")));
}

}  // namespace
}  // namespace aieb::cli
