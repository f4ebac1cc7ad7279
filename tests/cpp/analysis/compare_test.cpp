#include "analysis/compare.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aieb {
namespace {
using ::testing::Contains;
using ::testing::ElementsAre;
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

Results of_server(const char* endpoint) {
  Results r = run(1000);
  r.backend = "vllm";
  r.backend_info = {{"engine", "server"}, {"device", endpoint}};
  return r;
}

TEST(Compare, another_endpoint_is_a_note_and_no_reason_against_comparing) {
  const Comparison ports =
      compare(of_server("http://127.0.0.1:1/v1"), of_server("http://127.0.0.1:2/v1"));
  EXPECT_THAT(ports.not_comparable, IsEmpty());
  EXPECT_THAT(ports.notes, ElementsAre(HasSubstr("other endpoint: http://127.0.0.1:1/v1 against "
                                                 "http://127.0.0.1:2/v1; whether")));
  EXPECT_TRUE(ports.same_sensors);
  EXPECT_THAT(compare(of_server("http://a/v1"), of_server("http://a/v1")).notes, IsEmpty());
}

TEST(Compare, servers_on_other_hosts_are_not_taken_for_the_same_sensors) {
  const Results here = of_server("http://localhost:8000/v1");
  EXPECT_TRUE(compare(here, of_server("unix:/run/vllm.sock")).same_sensors);
  EXPECT_TRUE(compare(here, of_server("http://[::1]:8001/v1")).same_sensors);
  EXPECT_TRUE(compare(of_server("http://g1:1/v1"), of_server("http://g1:2/v1")).same_sensors);
  EXPECT_FALSE(compare(of_server("http://g1:1/v1"), of_server("http://g2:1/v1")).same_sensors);
}

TEST(Compare, the_device_of_an_engine_in_this_process_must_be_the_same) {
  Results gpu = run(1000);
  Results cpu = run(1000);
  gpu.backend_info = {{"engine", "native"}, {"device", "cuda"}};
  cpu.backend_info = {{"engine", "native"}, {"device", "cpu"}};
  EXPECT_THAT(compare(gpu, cpu).not_comparable, ElementsAre("device: cuda against cpu"));
}

/// Memory beside the run's CPU, by a model.
Results with_estimated_memory() {
  Results r = run(1000);
  r.measure.components[Component::kDram] = r.measure.components[Component::kCpu];
  r.measure.components[Component::kDram].gross.source = Source::kEstimated;
  return r;
}

TEST(Compare, tells_measured_energy_from_estimates) {
  Results estimated = with_estimated_memory();
  estimated.measure.components.erase(Component::kCpu);
  EXPECT_EQ(compare(run(1000), run(1000)).energy, Basis::kMeasured);
  const Comparison partly = compare(with_estimated_memory(), with_estimated_memory());
  EXPECT_EQ(partly.energy, Basis::kPartlyEstimated);
  EXPECT_THAT(partly.estimated, ElementsAre("dram"));
  const Comparison wholly = compare(estimated, estimated);
  EXPECT_EQ(metric(wholly, "total_energy_j").basis, Basis::kEstimated);
  EXPECT_EQ(metric(wholly, "e2e_s").basis, Basis::kUnknown) << "was not observed";
}

TEST(Compare, energy_that_was_not_measured_rests_on_nothing) {
  Results disabled = run(1000);
  disabled.measure = {};
  disabled.measure.total.gross = Quantity::disabled("J");
  const Comparison comparison = compare(disabled, disabled);
  EXPECT_EQ(comparison.energy, Basis::kUnknown);
  EXPECT_FALSE(has_measurement(comparison.energy));
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
