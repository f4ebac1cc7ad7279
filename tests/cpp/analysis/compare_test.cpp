#include "analysis/compare.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aieb {
namespace {
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A run of 10 prompts whose one domain has a gain known to 5 %.
Results run(double joules, const char* host = "h1") {
  Results r;
  r.backend = "pytorch";
  r.environment = {{"host", host}};
  r.total_prompts = r.successful_prompts = 10;
  Quantity gross;
  gross.unit = "J";
  gross.value = joules;
  gross.systematic = 0.05 * joules;
  gross.random = 1;
  gross.source = Source::kMeasuredCounter;
  r.measure.domains["rapl/package-0"].gross = gross;
  r.measure.components[Component::kCpu].gross = gross;
  r.measure.total.gross = gross;
  r.energy_per_request = gross.scaled(0.1, "J");
  return r;
}

const MetricComparison& metric(const Comparison& comparison, const std::string& key) {
  for (const MetricComparison& m : comparison.metrics) {
    if (m.key == key) return m;
  }
  throw std::out_of_range(key);
}

TEST(Compare, the_gain_of_a_common_sensor_cancels) {
  const Comparison same = compare(run(1000), run(1050));
  const MetricComparison& energy = metric(same, "total_energy_j");
  EXPECT_DOUBLE_EQ(*energy.difference.value, 50);
  EXPECT_DOUBLE_EQ(*energy.ratio, 1.05);
  EXPECT_LT(energy.difference.uncertainty(), 10);
  EXPECT_EQ(energy.verdict, Verdict::kDifferent);
  EXPECT_EQ(metric(same, "energy_per_request_j").verdict, Verdict::kDifferent);
}

TEST(Compare, gains_of_different_hosts_do_not_cancel) {
  const MetricComparison energy = metric(compare(run(1000), run(1050, "h2")), "total_energy_j");
  EXPECT_NEAR(energy.difference.systematic, std::hypot(50, 52.5), 1e-9);
  EXPECT_EQ(energy.verdict, Verdict::kNotDistinguishable);
  EXPECT_EQ(to_string(energy.verdict), "not distinguishable");
}

TEST(Compare, a_difference_within_the_noise_is_not_distinguishable) {
  EXPECT_EQ(metric(compare(run(1000), run(1001)), "total_energy_j").verdict,
            Verdict::kNotDistinguishable);
}

TEST(Compare, an_unknown_value_gives_no_verdict_and_the_reason) {
  Results unknown = run(1000);
  unknown.measure.total.gross = Quantity::missing("J", "no sensor");
  const MetricComparison energy = metric(compare(run(1000), unknown), "total_energy_j");
  EXPECT_EQ(energy.verdict, Verdict::kUnknown);
  EXPECT_EQ(energy.difference.reason, "no sensor");
}

TEST(Compare, means_of_latencies_differ_by_more_than_their_standard_errors_or_not) {
  Results a = run(1000);
  Results b = run(1000);
  a.ttft_s = Distribution{100, 0.50, 0.10};
  b.ttft_s = Distribution{100, 0.52, 0.10};
  EXPECT_EQ(metric(compare(a, b), "ttft_s").verdict, Verdict::kNotDistinguishable);
  b.ttft_s->mean = 0.60;
  EXPECT_EQ(metric(compare(a, b), "ttft_s").verdict, Verdict::kDifferent);
}

MetricInterval interval(const char* key, int64_t count, double mean, double std) {
  MetricInterval out;
  out.key = key;
  out.count = count;
  out.mean = mean;
  out.std = std;
  out.half_width = std;
  return out;
}

/// A run at `rate` whose repeats spread by `std`.
Results repeated(double rate, double std, int64_t count) {
  Results r = run(1000);
  r.output_tokens_per_s = rate;
  r.intervals = {interval("output_tokens_per_s", count, rate, std)};
  return r;
}

TEST(Compare, rates_of_repeated_runs_have_a_verdict) {
  const Comparison near = compare(repeated(100, 2, 5), repeated(101, 2, 5));
  EXPECT_EQ(metric(near, "output_tokens_per_s").verdict, Verdict::kNotDistinguishable);
  const Comparison far = compare(repeated(100, 2, 5), repeated(110, 2, 5));
  EXPECT_EQ(metric(far, "output_tokens_per_s").verdict, Verdict::kDifferent);
  // Welch: equal spreads of 5 and 5 have 8 degrees of freedom, t = 2.306.
  EXPECT_NEAR(metric(far, "output_tokens_per_s").difference.random, 2.306 * 2 * std::sqrt(2.0 / 5),
              1e-3);
}

TEST(Compare, a_rate_without_an_interval_has_no_verdict) {
  Results b = run(1000);
  b.output_tokens_per_s = 200;
  const Comparison comparison = compare(repeated(100, 2, 5), b);
  EXPECT_EQ(metric(comparison, "output_tokens_per_s").verdict, Verdict::kUnknown);
}

TEST(Compare, the_spread_of_repeats_replaces_the_sensors_random_part) {
  Results a = run(1000);
  Results b = run(1040);
  EXPECT_EQ(metric(compare(a, b), "total_energy_j").verdict, Verdict::kDifferent);
  for (Results* r : {&a, &b}) {
    const double mean = *r->measure.total.gross.value / 4;  // of a repeat
    r->intervals = {interval("total_energy_j", 4, mean, 30)};
  }
  const MetricComparison energy = metric(compare(a, b), "total_energy_j");
  EXPECT_EQ(energy.verdict, Verdict::kNotDistinguishable);
  // Scaled from a repeat to the run: 4·30/√4 each, 6 degrees of freedom, t = 2.447.
  EXPECT_NEAR(energy.difference.random, 2.447 * 60 * std::sqrt(2.0), 0.1);
}

TEST(Compare, lists_what_differs_besides_the_runs) {
  Results b = run(1000);
  b.backend = "vllm";
  b.total_prompts = 20;
  b.config = {{"scenario", {{"dataset_name", "other"}}}};
  const std::vector<std::string> reasons = compare(run(1000), b).not_comparable;
  EXPECT_THAT(reasons, Contains("backend: pytorch against vllm"));
  EXPECT_THAT(reasons, Contains("number of prompts: 10 against 20"));
  EXPECT_THAT(reasons, Contains(HasSubstr("dataset: none against other")));
  EXPECT_THAT(compare(run(1000), run(900)).not_comparable, IsEmpty());
}

}  // namespace
}  // namespace aieb
