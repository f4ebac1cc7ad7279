#include "analysis/repeats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/intervals.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Measure phases of 10 s with 10 requests of 10 tokens each, a second apart; phase i draws
/// `watts[i]`.
TraceBuilder repeated_run(const std::vector<double>& watts) {
  TraceBuilder b;
  double t = 0;
  for (size_t i = 0; i < watts.size(); ++i) {
    b.phase(PhaseKind::kMeasure, t + 2, t + 12, static_cast<int>(i));
    for (int k = 0; k < 10; ++k) b.request(t + 2 + k, t + 3 + k).repeat = static_cast<int>(i);
    t += 12;
  }
  b.domain(Component::kCpu, DomainKind::kCounter).gain_uncertainty = 0.05;
  b.samples(0, t + 2, 0.1, [&](double at) {
    double joules = 0;
    for (size_t i = 0; i < watts.size(); ++i) {
      const double start = 12 * static_cast<double>(i) + 2;
      joules += step_energy(at, start, start + 10, 0, watts[i]);
    }
    return joules;
  });
  return b;
}

std::vector<std::string> kinds(const RepeatResult& repeat) {
  std::vector<std::string> out;
  for (const RepeatFlag& flag : repeat.flags) out.push_back(flag.kind);
  return out;
}

TEST(Repeats, are_the_measure_phases_one_by_one) {
  const Results r = analyze(repeated_run({100, 110, 105}).trace());
  ASSERT_EQ(r.repeats.size(), 3U);
  EXPECT_NEAR(*r.repeats[1].energy.value, 1100, 1);
  EXPECT_NEAR(*r.repeats[1].energy_per_output_token.value, 11, 0.02);
  EXPECT_EQ(r.repeats[1].prompts, 10);
  EXPECT_NEAR(*r.repeats[1].output_tokens_per_s, 10, 1e-9);
  EXPECT_NEAR(r.repeats[2].start_s, 24, 1e-9) << "since the first phase began";
  EXPECT_NEAR(*r.measure.total.gross.value, 3150, 3) << "the result is their sum";
  const MetricInterval& interval = *find_interval(r.intervals, "total_energy_j");
  EXPECT_NEAR(interval.mean, 1050, 1);
  EXPECT_NEAR(interval.half_width, 4.3027 * 50 / std::sqrt(3), 2);
}

TEST(Repeats, one_that_is_far_from_the_others_is_an_outlier_and_stays_in_the_mean) {
  const Results r = analyze(repeated_run({100, 101, 99, 140, 100}).trace());
  EXPECT_THAT(kinds(r.repeats[3]), Contains("outlier"));
  EXPECT_THAT(kinds(r.repeats[0]), IsEmpty());
  EXPECT_NEAR(find_interval(r.intervals, "total_energy_j")->mean, 1080, 2);
  EXPECT_THAT(r.warnings,
              Contains(HasSubstr("repeat 4 of 5 is flagged (outlier): energy per output "
                                 "token is +40.0 %")));
}

TEST(Repeats, that_differ_by_less_than_a_percent_are_no_outliers) {
  const Results r = analyze(repeated_run({100, 100, 100, 100, 100.9}).trace());
  for (const RepeatResult& repeat : r.repeats) EXPECT_THAT(repeat.flags, IsEmpty());
}

TEST(Repeats, three_are_too_few_to_call_one_an_outlier) {
  const Results r = analyze(repeated_run({100, 100, 200}).trace());
  EXPECT_THAT(r.repeats[2].flags, IsEmpty());
}

TEST(Repeats, only_the_one_that_was_throttled_is_flagged_so) {
  TraceBuilder b = repeated_run({100, 100, 100});
  b.event(15, "throttle", {{"gpu", 0}, {"reasons", {"hw_thermal_slowdown"}}});
  b.event(20, "throttle", {{"gpu", 0}, {"reasons", Json::array()}});
  const Results r = analyze(b.trace());
  EXPECT_THAT(r.repeats[0].flags, IsEmpty());
  EXPECT_THAT(kinds(r.repeats[1]), Contains("throttled"));
  EXPECT_THAT(r.repeats[1].flags[0].text, HasSubstr("hw_thermal_slowdown"));
  EXPECT_THAT(r.repeats[2].flags, IsEmpty());
}

TEST(Repeats, that_the_protocol_finds_too_short_warm_or_unstable_are_flagged) {
  TraceBuilder b = repeated_run({100, 100});
  b.meta(meta::kProtocol, {{"name", "mlperf"}, {"min_window_s", 60}, {"window", "measure"}});
  b.event(13, "cooldown", {{"repeat", 1}, {"reached", false}, {"text", "began at 70 °C"}});
  b.event(14, "warmup", {{"repeat", 1}, {"stable", false}, {"text", "varied"}});
  const Results r = analyze(b.trace());
  EXPECT_THAT(kinds(r.repeats[0]), ::testing::ElementsAre("short"));
  EXPECT_THAT(kinds(r.repeats[1]), ::testing::ElementsAre("short", "warm", "unstable"));
  EXPECT_THAT(r.warnings, Contains(HasSubstr("it lasted 10.0 s, the protocol needs 60 s")));
  EXPECT_EQ(r.protocol["name"], "mlperf");
}

TEST(Repeats, a_protocol_about_the_full_load_warns_when_it_was_short) {
  TraceBuilder b = repeated_run({100});
  b.meta(meta::kProtocol,
         {{"name", "ml_energy"}, {"min_window_s", 30}, {"window", "steady_state"}});
  const Results r = analyze(b.trace());
  EXPECT_THAT(r.repeats[0].flags, IsEmpty());
  EXPECT_THAT(r.warnings, Contains(HasSubstr("the load was full for 0.0 s")));
}

TEST(Repeats, without_metering_have_no_energy_but_their_times) {
  TraceBuilder b = repeated_run({100, 100});
  b.meta(meta::kConfig, {{"metrics", {{"enabled", false}}}});
  const Results r = analyze(b.trace());
  EXPECT_EQ(r.repeats[0].energy.source, Source::kDisabled);
  EXPECT_NE(find_interval(r.intervals, "e2e_s"), nullptr);
  EXPECT_EQ(find_interval(r.intervals, "total_energy_j"), nullptr);
}

}  // namespace
}  // namespace aieb
