#include "cli/comparison_text.h"

#include <gtest/gtest.h>

#include "reporters/approvals.h"
#include "reporters/sample_results.h"

namespace aieb::cli {
namespace {

using testing::expect_approved;
using testing::sample_results;

Results other_run() {
  Results r = sample_results();
  r.name = "smaller";
  r.run_id = "20260131T130000Z-smaller-0a1b2d";
  r.model = "HuggingFaceTB/SmolLM2-135M";
  return r;
}

Comparison comparison() {
  const Quantity a{34.5, 1.4, 0.2, "J", Source::kPartial, ""};
  const Quantity b{28.1, 1.2, 0.2, "J", Source::kPartial, ""};
  const Quantity difference{-6.4, 0.3, 0.28, "J", Source::kPartial, ""};
  const Quantity ttft_a{0.0561, 0, 0.0016, "s", Source::kMeasuredCounter, ""};
  const Quantity ttft_b{0.0548, 0, 0.0014, "s", Source::kMeasuredCounter, ""};
  const Quantity ttft_difference{-0.0013, 0, 0.0021, "s", Source::kMeasuredCounter, ""};
  const Quantity rate{83.76, 0, 0, "1/s", Source::kMeasuredCounter, ""};
  Comparison out;
  out.same_sensors = true;
  out.energy = Basis::kMeasured;
  out.metrics = {
      {"energy_per_output_token_j", "energy per output token", a, b, difference, 28.1 / 34.5,
       Verdict::kDifferent, Basis::kMeasured},
      {"ttft_s", "time to first token, mean", ttft_a, ttft_b, ttft_difference, 0.0548 / 0.0561,
       Verdict::kNotDistinguishable, Basis::kMeasured},
      {"output_tokens_per_s", "output tokens/s", rate, rate, rate.scaled(0, "1/s"), 1.0,
       Verdict::kUnknown, Basis::kMeasured},
      {"node", "node energy", Quantity::missing("J", "no sensor"), b,
       Quantity::missing("J", "no sensor"), std::nullopt, Verdict::kUnknown},
  };
  return out;
}

TEST(ComparisonText, shows_values_differences_and_verdicts_as_approved) {
  expect_approved("compare.txt", comparison_text(sample_results(), other_run(), comparison(), {}));
}

TEST(ComparisonText, repeats_what_else_differs_when_it_was_forced) {
  Comparison forced = comparison();
  forced.not_comparable = {"the backends differ: pytorch and vllm"};
  EXPECT_NE(comparison_text(sample_results(), other_run(), forced, {})
                .find("warning: the backends differ"),
            std::string::npos);
}

TEST(ComparisonText, warns_of_what_differs_without_being_a_reason_against_comparing) {
  Comparison noted = comparison();
  noted.notes = {"other endpoint: http://a against http://b"};
  EXPECT_NE(
      comparison_text(sample_results(), other_run(), noted, {}).find("warning: other endpoint"),
      std::string::npos);
}

TEST(ComparisonText, names_estimates_in_their_row_and_no_sensors_where_there_were_none) {
  Comparison estimated = comparison();
  estimated.energy = estimated.metrics[0].basis = Basis::kEstimated;
  const std::string text = comparison_text(sample_results(), other_run(), estimated, {});
  EXPECT_NE(text.find("energy per output token, estimated"), std::string::npos);
  EXPECT_EQ(text.find("sensors"), std::string::npos);
  EXPECT_TRUE(comparison_json(sample_results(), other_run(), estimated)["same_sensors"].is_null());
}

TEST(ComparisonText, tells_the_pairs_and_their_order) {
  Comparison paired = comparison();
  paired.pairs = 2;
  paired.order = {"A B", "B A"};
  EXPECT_NE(comparison_text(sample_results(), other_run(), paired, {})
                .find("Means of 2 pairs of runs measured in turn (A B, B A); B − A"),
            std::string::npos);
}

TEST(ComparisonJson, holds_the_same_for_scripts) {
  expect_approved("compare.json",
                  comparison_json(sample_results(), other_run(), comparison()).dump(2) + "\n");
}

}  // namespace
}  // namespace aieb::cli
