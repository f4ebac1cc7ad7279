#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "analysis/domain_energy.h"
#include "analysis/edge_model.h"
#include "analysis/readings.h"
#include "analysis/roughness.h"
#include "analysis/trace_builder.h"
#include "analysis/updates.h"

namespace aieb {
namespace {

Domain gpu_counter() {
  Domain d;
  d.component = Component::kGpu;
  d.kind = DomainKind::kCounter;
  d.unit = "J";
  return d;
}

/// 100 W read every 100 ms for 10 s.
std::vector<Sample> steady_counter() {
  std::vector<Sample> samples;
  for (int i = 0; i <= 100; ++i) samples.push_back({0, nanoseconds(0.1 * i), 10.0 * i});
  return samples;
}

double energy_between(const Domain& domain, const std::vector<Sample>& samples, double from_s,
                      double to_s, std::span<const int64_t> breaks = {}) {
  const std::vector<int64_t> edges{nanoseconds(from_s), nanoseconds(to_s)};
  return *counter_energy(domain, samples, breaks, edges, nullptr)
              .energy({edges[0], edges[1]})
              .value;
}

TEST(Readings, a_single_impossible_value_is_dropped) {
  std::vector<Sample> samples = steady_counter();
  samples[50].value = 1e12;
  samples[70].value = 0;
  const CleanReadings clean = clean_counter(gpu_counter(), samples, {});
  EXPECT_EQ(clean.spikes, 2);
  EXPECT_TRUE(clean.breaks.empty());
  EXPECT_NEAR(energy_between(gpu_counter(), samples, 1, 9), 800, 1e-6);
}

TEST(Readings, nonsense_in_a_row_does_not_become_energy) {
  std::vector<Sample> samples = steady_counter();
  samples[50].value = 1.5e6;
  samples[51].value = 0;
  samples[52].value = std::nan("");
  EXPECT_NEAR(energy_between(gpu_counter(), samples, 1, 9), 800, 1e-6);
}

TEST(Readings, a_reset_is_a_break_that_the_power_around_it_fills) {
  std::vector<Sample> samples = steady_counter();
  for (size_t i = 60; i < samples.size(); ++i) samples[i].value -= samples[59].value + 7;
  const CleanReadings clean = clean_counter(gpu_counter(), samples, {});
  ASSERT_EQ(clean.breaks.size(), 1U);
  EXPECT_EQ(clean.breaks[0].to_ns, samples[60].t_ns);
  EXPECT_GT(clean.breaks[0].sigma_j, 1);
  EXPECT_NEAR(energy_between(gpu_counter(), samples, 1, 9), 800, 1e-6);
}

TEST(Readings, a_counter_that_jumps_for_good_does_not_count_the_jump) {
  std::vector<Sample> samples = steady_counter();
  for (size_t i = 60; i < samples.size(); ++i) samples[i].value += 1e9;
  EXPECT_NEAR(energy_between(gpu_counter(), samples, 1, 9), 800, 1e-6);
}

TEST(Readings, energy_that_the_meter_says_it_lost_is_filled_in) {
  std::vector<Sample> samples = steady_counter();
  for (size_t i = 60; i < samples.size(); ++i) samples[i].value -= 10;  // goes on from reading 59
  const std::vector<int64_t> told{samples[60].t_ns + 1000};
  EXPECT_NEAR(energy_between(gpu_counter(), samples, 1, 9), 790, 1e-6);
  EXPECT_NEAR(energy_between(gpu_counter(), samples, 1, 9, told), 800, 1e-6);
}

TEST(Readings, impossible_power_is_dropped) {
  Domain d = gpu_counter();
  d.kind = DomainKind::kGauge;
  const std::vector<Sample> samples{{0, 1, 100}, {0, 2, -5}, {0, 3, 1e9}, {0, 4, std::nan("")}};
  const CleanReadings clean = clean_gauge(d, samples);
  EXPECT_EQ(clean.readings.size(), 1U);
  EXPECT_EQ(clean.spikes, 3);
}

TEST(Readings, bursts_do_not_count_for_more_than_their_time_in_the_usual_spacing) {
  std::vector<Reading> readings;
  for (int i = 0; i < 10; ++i) readings.push_back({nanoseconds(i), 0});
  for (int i = 1; i < 100; ++i) readings.push_back({nanoseconds(9 + 0.001 * i), 0});
  EXPECT_NEAR(usual_spacing_s(readings), 1, 1e-9);
}

/// Readings every `read_s` of a counter of 100 W that is updated every `update_s` from `phase_s`.
std::vector<Reading> staircase(double update_s, double phase_s, double read_s, double length_s) {
  std::vector<Reading> readings;
  for (double t = 0; t < length_s; t += read_s) {
    const double updated = phase_s + update_s * std::floor((t - phase_s) / update_s);
    readings.push_back({nanoseconds(t), 100 * (updated + 1)});
  }
  return readings;
}

TEST(Updates, of_a_sensor_read_faster_than_it_changes_are_found_to_a_fraction_of_the_reading) {
  const double update_s = 0.1007;
  const SensorUpdates found =
      find_updates(staircase(update_s, 0.0371, 0.023, 20), nanoseconds(0.1), DomainKind::kCounter);
  EXPECT_TRUE(found.staircase);
  EXPECT_NEAR(found.period_s, update_s, 1e-3);
  double worst = 0;
  for (size_t i = 2; i + 2 < found.updates.size(); ++i) {
    const Update& u = found.updates[i];
    const double truth = u.value / 100 - 1;
    worst = std::max(worst, std::abs(u.t_s - truth));
    EXPECT_LE(std::abs(u.t_s - truth), 2 * u.sigma_s + 1e-3);
  }
  EXPECT_LT(worst, 0.006) << "half of a reading would be 0.0115";
}

TEST(Updates, a_wrong_declared_period_gives_way_to_what_is_seen) {
  const SensorUpdates found =
      find_updates(staircase(0.05, 0.01, 0.01, 10), nanoseconds(0.5), DomainKind::kCounter);
  EXPECT_NEAR(found.period_s, 0.05, 1e-3);
}

TEST(Updates, a_sensor_read_seldom_was_updated_within_its_period_before_the_reading) {
  const SensorUpdates found =
      find_updates(staircase(0.001, 0, 0.1, 10), nanoseconds(0.001), DomainKind::kCounter);
  EXPECT_FALSE(found.staircase);
  for (size_t i = 1; i < found.updates.size(); ++i) {
    EXPECT_NEAR(found.updates[i].sigma_s, 0.001 / std::sqrt(12.0), 1e-9);
  }
}

TEST(Updates, bursts_of_readings_do_not_pass_for_the_sensors_period) {
  std::vector<Reading> readings = staircase(0.1, 0.03, 1, 10);
  for (const Reading& r : staircase(0.1, 0.03, 0.005, 0.11)) {
    readings.push_back({r.t_ns + nanoseconds(10), r.value + 1000});
  }
  const SensorUpdates found = find_updates(readings, nanoseconds(0.1), DomainKind::kCounter);
  EXPECT_FALSE(found.staircase);
  EXPECT_NEAR(found.period_s, 0.1, 1e-9);
  EXPECT_LT(found.updates.back().sigma_s, 0.002) << "a mark sees the update to 5 ms";
}

TEST(Updates, a_gauge_at_constant_power_keeps_its_readings) {
  std::vector<Reading> readings;
  for (int i = 0; i < 50; ++i) readings.push_back({nanoseconds(0.1 * i), i < 30 ? 60.0 : 300.0});
  EXPECT_EQ(find_updates(readings, nanoseconds(0.1), DomainKind::kGauge).updates.size(), 50U);
}

TEST(EdgeModel, a_step_at_the_edge_is_found_between_two_counter_values) {
  // 50 W until T, 300 W after it; values at T − 0.04 and T + 0.06.
  const EdgeEstimate edge =
      counter_edge(100, 100 + 0.04 * 50 + 0.06 * 300, {50, 0.04, 0.1, 1}, {300, 0.06, 0.1, 1}, 0);
  EXPECT_NEAR(edge.energy_j, 102, 1e-9);
  EXPECT_LT(std::sqrt(edge.variance), 1) << "linear interpolation would be 6 J off";
}

TEST(EdgeModel, a_step_at_the_edge_reveals_a_common_time_error) {
  // The same, but both values were taken 0.02 s earlier than thought.
  const EdgeEstimate edge = counter_edge(100 - 0.02 * 50, 100 + 0.04 * 50 + 0.04 * 300,
                                         {50, 0.04, 0.1, 1}, {300, 0.06, 0.1, 1}, 0.03);
  EXPECT_NEAR(edge.energy_j, 102, 0.5);
}

TEST(EdgeModel, values_that_contradict_each_other_are_uncertain) {
  const EdgeSide steady_low{50, 0.05, 0.1, 1};
  const EdgeSide steady_high{300, 0.05, 0.1, 1};
  const EdgeEstimate fits = counter_edge(0, 0.05 * 350, steady_low, steady_high, 0);
  const EdgeEstimate contradicts = counter_edge(0, 0.1 * 290, steady_low, steady_high, 0);
  EXPECT_GT(contradicts.variance, 5 * fits.variance);
}

TEST(GaugeEnergy, power_goes_on_up_to_the_edge_at_which_the_load_changes) {
  // 50 W until 2.03 s, 300 W after it, read every 100 ms.
  std::vector<Sample> samples;
  for (int i = 0; i < 40; ++i) samples.push_back({0, nanoseconds(0.1 * i), i <= 20 ? 50.0 : 300.0});
  Domain gauge;
  gauge.kind = DomainKind::kGauge;
  const std::vector<int64_t> edges{nanoseconds(2.03), nanoseconds(3)};
  const Quantity energy = gauge_energy(gauge, samples, edges).energy({edges[0], edges[1]});
  EXPECT_NEAR(*energy.value, 300 * 0.97, 1e-6);
}

TEST(GaugeEnergy, a_mean_over_both_sides_of_an_edge_counts_for_neither) {
  // 50 W until 2.035 s, 300 W after it; every value is the mean of the 40 ms before it, so that the
  // one of 2.05 s is a mixture.
  std::vector<Sample> samples;
  for (int i = 0; i < 40; ++i) {
    const double t = 0.05 + 0.1 * i;
    const double loaded = std::clamp((t - 2.035) / 0.04, 0.0, 1.0);
    samples.push_back({0, nanoseconds(t), 50 + 250 * loaded});
  }
  const std::vector<int64_t> edges{nanoseconds(1), nanoseconds(2.035), nanoseconds(3)};
  for (const double declared_s : {0.0, 0.04}) {
    Domain gauge;
    gauge.kind = DomainKind::kGauge;
    gauge.averaging_ns = nanoseconds(declared_s);
    const DomainEnergy energy = gauge_energy(gauge, samples, edges);
    EXPECT_NEAR(*energy.energy({edges[0], edges[1]}).value, 50 * 1.035, 1e-6);
    EXPECT_NEAR(*energy.energy({edges[1], edges[2]}).value, 300 * 0.965, 1e-6);
  }
}

TEST(Roughness, tells_a_random_walk_from_white_noise) {
  std::vector<PowerPoint> walk;
  std::vector<PowerPoint> noise;
  double p = 0;
  uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const double step = (state >> 63) != 0 ? 1.0 : -1.0;
    p += step;
    walk.push_back({0.1 * i, p});
    noise.push_back({0.1 * i, step});
  }
  EXPECT_NEAR(roughness_of(walk).diffusion, 10, 0.01);
  EXPECT_NEAR(roughness_of(walk).trapezoid_factor(), 1.0 / 12, 0.01);
  EXPECT_NEAR(roughness_of(noise).trapezoid_factor(), 0.5, 0.2);
}

TEST(CounterEnergy, follows_the_power_of_the_device_between_its_own_rare_readings) {
  // 50 W, from 5 s to 6 s 300 W; the counter is read at 0, 4, 8 and 12 s only.
  const std::vector<int64_t> edges{nanoseconds(5), nanoseconds(6)};
  std::vector<Sample> counted;
  for (const double t : {0.0, 4.0, 8.0, 12.0}) {
    counted.push_back({0, nanoseconds(t), step_energy(t, 5, 6, 50, 300)});
  }
  std::vector<Sample> power;
  for (double t = 0; t < 12; t += 0.05) {
    power.push_back({1, nanoseconds(t), t >= 5 && t < 6 ? 330.0 : 55.0});  // 10 % too high
  }
  Domain gauge = gpu_counter();
  gauge.kind = DomainKind::kGauge;
  gauge.unit = "W";
  const DomainEnergy shape = gauge_energy(gauge, power, edges);
  const Quantity energy =
      counter_energy(gpu_counter(), counted, {}, edges, &shape).energy({edges[0], edges[1]});
  EXPECT_NEAR(*energy.value, 300, 6);
  EXPECT_EQ(energy.source, Source::kMeasuredCounter);
}

TEST(GaugeEnergy, a_gap_makes_the_energy_uncertain_and_is_reported) {
  Domain gauge = gpu_counter();
  gauge.kind = DomainKind::kGauge;
  const std::vector<int64_t> edges{nanoseconds(1), nanoseconds(19)};
  std::vector<Sample> whole;
  std::vector<Sample> with_gap;
  for (int i = 0; i <= 200; ++i) {
    const Sample sample{0, nanoseconds(0.1 * i), 100.0 + (i % 7)};
    whole.push_back(sample);
    if (i < 80 || i > 120) with_gap.push_back(sample);
  }
  const DomainEnergy gap = gauge_energy(gauge, with_gap, edges);
  EXPECT_EQ(gap.gaps.size(), 1U);
  EXPECT_GT(gap.energy({edges[0], edges[1]}).random,
            2 * gauge_energy(gauge, whole, edges).energy({edges[0], edges[1]}).random);
}

}  // namespace
}  // namespace aieb
