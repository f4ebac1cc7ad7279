#include "analysis/paired.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aieb {
namespace {

using ::testing::ElementsAre;

Results run(double joules, double tokens_per_s) {
  Results r;
  r.backend = "vllm";
  r.environment = {{"host", "h1"}};
  Quantity gross = Quantity::missing("J", "");
  gross.value = joules;
  gross.systematic = 0.05 * joules;
  gross.random = 1;
  gross.source = Source::kMeasuredCounter;
  r.measure.domains["rapl/package-0"].gross = r.measure.total.gross = gross;
  r.output_tokens_per_s = tokens_per_s;
  return r;
}

const MetricComparison& metric(const Comparison& comparison, const std::string& key) {
  for (const MetricComparison& m : comparison.metrics) {
    if (m.key == key) return m;
  }
  throw std::out_of_range(key);
}

/// The machine slows down by more than the runs differ; each pair meets the same machine.
TEST(Paired, a_drift_that_both_runs_of_a_pair_meet_does_not_hide_their_difference) {
  std::vector<Results> a;
  std::vector<Results> b;
  const double noise[] = {0.3, -0.2, 0.1, -0.1};
  for (int i = 0; i < 4; ++i) {
    a.push_back(run(1000, 100 - 10 * i));
    b.push_back(run(1000, 103 - 10 * i + noise[i]));
  }
  const Comparison comparison = compare_paired(a, b);
  const MetricComparison& rate = metric(comparison, "output_tokens_per_s");
  EXPECT_EQ(comparison.pairs, 4);
  EXPECT_NEAR(*rate.difference.value, 3.025, 1e-9);
  EXPECT_LT(rate.difference.random, 0.5);
  EXPECT_GT(rate.a.random, 10) << "the runs of one side spread widely";
  EXPECT_EQ(rate.verdict, Verdict::kDifferent);
}

TEST(Paired, differences_are_student_s_over_the_pairs_and_keep_the_gain_s_part) {
  const std::vector<Results> a = {run(1000, 1), run(1000, 1), run(1000, 1)};
  const std::vector<Results> b = {run(1090, 1), run(1100, 1), run(1110, 1)};
  const MetricComparison energy = metric(compare_paired(a, b), "total_energy_j");
  EXPECT_NEAR(*energy.difference.value, 100, 1e-9);
  EXPECT_NEAR(energy.difference.random, 4.3027 * 10 / std::sqrt(3), 1e-3);
  EXPECT_NEAR(energy.difference.systematic, std::hypot(5, 0.1 * std::hypot(50, 55)), 0.1);
  EXPECT_NEAR(*energy.ratio, 1.1, 1e-9);
}

TEST(Paired, a_metric_that_one_run_does_not_know_has_no_verdict) {
  const std::vector<Results> a = {run(1000, 1), run(1000, 1)};
  std::vector<Results> b = {run(1090, 1), run(1100, 1)};
  b[1].measure.total.gross = Quantity::missing("J", "unplugged");
  const MetricComparison energy = metric(compare_paired(a, b), "total_energy_j");
  EXPECT_EQ(energy.verdict, Verdict::kUnknown);
  EXPECT_EQ(energy.difference.reason, "unplugged");
}

TEST(Paired, one_estimated_run_makes_its_metric_partly_estimated) {
  const std::vector<Results> a = {run(1000, 1), run(1000, 1)};
  std::vector<Results> b = {run(1090, 1), run(1100, 1)};
  b[1].measure.total.gross.source = Source::kEstimated;
  const Comparison comparison = compare_paired(a, b);
  EXPECT_EQ(comparison.energy, Basis::kPartlyEstimated);
  EXPECT_EQ(metric(comparison, "total_energy_j").basis, Basis::kPartlyEstimated);
  EXPECT_EQ(metric(comparison, "output_tokens_per_s").basis, Basis::kMeasured);
}

TEST(PairedOrder, alternates_or_is_drawn_from_the_seed) {
  EXPECT_THAT(paired_order(4, "abba", 7), ElementsAre(true, false, true, false));
  const std::vector<bool> drawn = paired_order(40, "random", 7);
  EXPECT_EQ(drawn, paired_order(40, "random", 7));
  EXPECT_NE(drawn, paired_order(40, "random", 8));
}

}  // namespace
}  // namespace aieb
