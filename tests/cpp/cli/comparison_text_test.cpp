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
  Comparison out;
  out.same_sensors = true;
  out.metrics = {
      {"energy_per_output_token_j", "energy per output token", a, b, difference, 28.1 / 34.5,
       Verdict::kDifferent},
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

TEST(ComparisonJson, holds_the_same_for_scripts) {
  expect_approved("compare.json",
                  comparison_json(sample_results(), other_run(), comparison()).dump(2) + "\n");
}

}  // namespace
}  // namespace aieb::cli
