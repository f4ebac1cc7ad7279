#include "analysis/intensity.h"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/footprint.h"
#include "analysis/test_seed.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr double kWallOfZero_s = 1'700'000'000;  // as TraceBuilder has it
constexpr double kJoulesPerKwh = 3.6e6;

CarbonInterval interval(double from_s, double to_s, double g, double uncertainty = 0) {
  return {nanoseconds(kWallOfZero_s + from_s), nanoseconds(kWallOfZero_s + to_s), g, uncertainty};
}

CarbonFactor by_time(std::vector<CarbonInterval> intervals) {
  CarbonFactor factor;
  factor.series.emplace();
  factor.series->file = "grid.csv";
  factor.series->from_ns = intervals.front().from_ns;
  factor.series->to_ns = intervals.back().to_ns;
  factor.series->intervals = std::move(intervals);
  return factor;
}

/// A CPU that draws 100 W before 3600 s and 300 W from then on, measured between two times.
TraceBuilder machine(const CarbonFactor& factor, double begin_s, double end_s) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, begin_s, end_s);
  b.domain(Component::kCpu, DomainKind::kGauge);
  b.samples(begin_s - 20, end_s + 20, 5, [](double t) { return t < 3600 ? 100 : 300; });
  b.meta(meta::kCarbon, to_json(factor));
  return b;
}

TEST(Intensity, energy_is_multiplied_by_the_intensity_of_its_time) {
  const CarbonFactor factor = by_time({interval(0, 3600, 50, 10), interval(3600, 7200, 400, 100)});
  const Results r = analyze(machine(factor, 1800, 5400).trace());
  const double grams = (100 * 1800 * 50.0 + 300 * 1800 * 400.0) / kJoulesPerKwh;
  ASSERT_TRUE(r.emissions.known()) << r.emissions.reason;
  EXPECT_NEAR(*r.emissions.value, grams, 0.003 * grams);
  EXPECT_NEAR(r.carbon->g_per_kwh, (100 * 50 + 300 * 400) / 400.0, 1);
  EXPECT_NEAR(r.carbon->uncertainty_g_per_kwh, (100 * 10 + 300 * 100) / 400.0, 1);
  EXPECT_EQ(r.carbon->series->intervals.size(), 2U);
  EXPECT_GE(r.emissions.systematic, *r.measure.total.gross.value * 77 / kJoulesPerKwh);
}

TEST(Intensity, a_run_within_one_hour_uses_that_hour) {
  const CarbonFactor factor = by_time({interval(0, 3600, 50), interval(3600, 7200, 400)});
  const Results r = analyze(machine(factor, 100, 200).trace());
  EXPECT_DOUBLE_EQ(r.carbon->g_per_kwh, 50);
  EXPECT_EQ(r.carbon->series->intervals.size(), 1U);
  EXPECT_DOUBLE_EQ(*r.emissions.value, *r.measure.total.gross.value / kJoulesPerKwh * 50);
}

TEST(Intensity, any_cuts_give_the_sum_over_the_pieces) {
  std::mt19937_64 random(test_seed());
  const auto between = [&](double a, double b) {
    return std::uniform_real_distribution<double>(a, b)(random);
  };
  for (int i = 0; i < 20; ++i) {
    const double begin = between(0, 3000);
    const double end = between(3700, 7000);
    std::vector<CarbonInterval> intervals;
    double at = begin - between(0, 500);
    double grams = 0;
    while (at < end) {
      const double next = at + between(60, 1500);
      const double g = between(0, 900);
      intervals.push_back(interval(at, next, g));
      const double low = std::max(at, begin);
      const double high = std::min(next, end);
      if (high > low)
        grams += g *
                 (step_energy(high, 3600, 1e9, 100, 300) - step_energy(low, 3600, 1e9, 100, 300)) /
                 kJoulesPerKwh;
      at = next;
    }
    const Results r = analyze(machine(by_time(intervals), begin, end).trace());
    ASSERT_TRUE(r.emissions.known()) << r.emissions.reason;
    EXPECT_NEAR(*r.emissions.value, grams, 0.005 * grams + 0.1) << "case " << i;
  }
}

TEST(Intensity, outside_of_the_series_emissions_are_unknown_and_energy_is_not) {
  const CarbonFactor factor = by_time({interval(0, 3600, 50)});
  const Results r = analyze(machine(factor, 3000, 4000).trace());
  EXPECT_TRUE(r.measure.total.gross.known());
  EXPECT_FALSE(r.emissions.known());
  EXPECT_THAT(r.emissions.reason, HasSubstr("grid.csv"));
  EXPECT_THAT(r.emissions.reason, HasSubstr("to 2023-11-14T23:13:20Z, which does not hold"));
  EXPECT_THAT(r.warnings, Contains(HasSubstr("the emissions are not known")));
}

TEST(Intensity, where_intensities_change_the_error_of_that_moment_counts) {
  CarbonFactor factor = by_time({interval(0, 10, 0), interval(10, 20, 1000)});
  const std::vector<IntervalEnergy> parts = {{factor.series->intervals[0], 50, 1},
                                             {factor.series->intervals[1], 50, 1}};
  factor = averaged(std::move(factor), parts);
  EXPECT_DOUBLE_EQ(factor.g_per_kwh, 500);
  EXPECT_DOUBLE_EQ(factor.uncertainty_g_per_kwh, 2 * 1.0 * 1000 / 100);
}

Quantity joules(double value) {
  Quantity q = Quantity::missing("J", "");
  q.value = value;
  q.source = Source::kMeasuredCounter;
  return q;
}

TEST(Footprint, every_stated_uncertainty_reaches_the_result) {
  CarbonFactor factor;
  factor.g_per_kwh = 100;
  factor.uncertainty_g_per_kwh = 30;
  factor.pue = 1.25;
  factor.pue_uncertainty = 0.5;
  factor.wue_l_per_kwh = 2;
  factor.wue_uncertainty_l_per_kwh = 0.5;
  Quantity energy = joules(kJoulesPerKwh);
  energy.systematic = 0.2 * kJoulesPerKwh;
  energy.random = 0.1 * kJoulesPerKwh;
  const Quantity emissions = emissions_of(energy, factor);
  EXPECT_DOUBLE_EQ(*emissions.value, 125);
  EXPECT_NEAR(emissions.systematic, 125 * std::hypot(0.2, 0.3, 0.4), 1e-9);
  EXPECT_NEAR(emissions.random, 12.5, 1e-9);
  const Quantity water = water_of(energy, factor);
  EXPECT_DOUBLE_EQ(*water.value, 2);
  EXPECT_NEAR(water.systematic, 2 * std::hypot(0.2, 0.25), 1e-9);
}

TEST(Footprint, embodied_emissions_are_devices_times_rate_times_time) {
  CarbonFactor factor;
  factor.embodied = {{"gpu", std::nullopt, 4, 50, "a"}, {"server", 2, 10, std::nullopt, "b"}};
  const auto parts = embodied_of(factor, 1800, 8);
  EXPECT_DOUBLE_EQ(*parts.at(0).emissions.value, 16);
  EXPECT_DOUBLE_EQ(parts.at(0).emissions.systematic, 8);
  EXPECT_DOUBLE_EQ(*parts.at(1).emissions.value, 10);
  EXPECT_DOUBLE_EQ(*embodied_total(parts).value, 26);
  EXPECT_FALSE(embodied_total({}).known());
  const auto without_gpu = embodied_of(factor, 1800, 0);
  EXPECT_FALSE(without_gpu.at(0).emissions.known());
  EXPECT_EQ(embodied_total(without_gpu).source, Source::kPartial);
}

}  // namespace
}  // namespace aieb
