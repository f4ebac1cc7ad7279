#include "runner/live_energy.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "core/clock.h"

namespace aieb {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

Domain counter(int id, Component component) {
  Domain d;
  d.id = id;
  d.meter = "fake";
  d.component = component;
  d.name = "counter-" + std::to_string(id);
  d.kind = DomainKind::kCounter;
  d.unit = "J";
  d.resolution = 0.001;
  d.gain_uncertainty = 0.05;
  return d;
}

Domain estimate(int id, Component component) {
  Domain d = counter(id, component);
  d.kind = DomainKind::kEstimate;
  d.unit = "W";
  d.gain_uncertainty = 0.5;
  return d;
}

/// Feeds readings over [from, to): a counter of cpu at `watts` every 50 ms, an estimate of dram at
/// 8 W every 250 ms.
void feed(LiveEnergy& live, int64_t from, int64_t to, double watts, double& joules) {
  for (int64_t t = from; t < to; t += kSecond / 20) {
    live.samples({{0, t, joules}});
    if (t % (kSecond / 4) == 0) live.samples({{1, t, 8.0}});
    joules += watts / 20;
  }
}

const LiveDevice& device(const LiveReading& reading, const std::string& component) {
  for (const LiveDevice& d : reading.devices) {
    if (d.component == component) return d;
  }
  throw std::runtime_error("no device of " + component);
}

struct TwoSources {
  TwoSources() {
    live.domain(counter(0, Component::kCpu));
    live.domain(estimate(1, Component::kDram));
    live.set_expected(Json::array(), {{"in_process", true}});
    live.begin(0);
  }
  LiveEnergy live;
  double joules = 1000;
};

TEST(LiveEnergy, adds_up_to_the_energy_between_the_ends) {
  TwoSources s;
  LiveReading last;
  for (int64_t k = 0; k < 60; ++k) {
    const double watts = k % 2 == 0 ? 40 : 90;
    feed(s.live, k * kSecond, (k + 1) * kSecond, watts, s.joules);
    last = s.live.advance((k + 1) * kSecond);
  }
  // Known until the last reading of both sources.
  EXPECT_EQ(last.t_ns, 59 * kSecond + 3 * kSecond / 4);
  const double truth = 30 * 40 + 29 * 90 + 0.75 * 90;
  const LiveDevice& cpu = device(last, "cpu");
  EXPECT_NEAR(*cpu.energy.value, truth, 0.5);
  EXPECT_NEAR(cpu.energy.systematic, 0.05 * truth, 0.5);
  EXPECT_EQ(cpu.energy.source, Source::kMeasuredCounter);
  EXPECT_NEAR(*cpu.power.value, 0.25 * 40 + 0.75 * 90, 1);  // from 58.75 s to 59.75 s
  EXPECT_NEAR(*device(last, "dram").energy.value, 8 * 59.75, 1e-6);
  EXPECT_NEAR(*last.total.energy.value, truth + 8 * 59.75, 0.5);
  EXPECT_EQ(last.total.energy.source, Source::kPartial);
}

TEST(LiveEnergy, the_stated_interval_holds_for_windows_of_any_length) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> length(0.2, 3);
  TwoSources s;
  int64_t fed = 0;
  int64_t asked = 0;
  const double begin = s.joules;
  LiveReading last;
  for (int k = 0; k < 50; ++k) {
    asked += nanoseconds(length(random));
    const int64_t until = asked / (kSecond / 20) * (kSecond / 20);
    feed(s.live, fed, until, 60, s.joules);
    fed = std::max(fed, until);
    last = s.live.advance(asked);
    EXPECT_LE(last.t_ns, asked) << "seed " << seed;
  }
  const Quantity energy = device(last, "cpu").energy;
  EXPECT_NEAR(*energy.value, 60 * last.elapsed_s, energy.random + 0.1) << "seed " << seed;
  EXPECT_LT(*energy.value, s.joules - begin + 1) << "seed " << seed;
}

TEST(LiveEnergy, never_falls) {
  TwoSources s;
  double before = 0;
  for (int64_t k = 0; k < 20; ++k) {
    feed(s.live, k * kSecond, (k + 1) * kSecond, k % 3 == 0 ? 0 : 50, s.joules);
    const double now = *s.live.advance((k + 1) * kSecond).total.energy.value;
    EXPECT_GE(now, before);
    before = now;
  }
}

TEST(LiveEnergy, what_cannot_be_measured_is_missing_with_its_reason_and_never_0) {
  LiveEnergy live;
  live.domain(counter(0, Component::kCpu));
  live.set_expected(Json::array({{{"component", "dram"}, {"reason", "no permission"}}}),
                    {{"in_process", true}});
  live.begin(0);
  double joules = 0;
  for (int64_t t = 0; t <= kSecond; t += kSecond / 20) {
    live.samples({{0, t, joules}});
    joules += 1;
  }
  const LiveReading reading = live.advance(kSecond);
  ASSERT_TRUE(reading.missing.contains("dram"));
  EXPECT_NE(reading.missing.at("dram").find("no permission"), std::string::npos);
  EXPECT_EQ(reading.devices.size(), 1U);
  EXPECT_EQ(reading.total.energy.source, Source::kPartial);
}

TEST(LiveEnergy, nothing_is_known_before_the_first_readings) {
  LiveEnergy live;
  live.domain(counter(0, Component::kCpu));
  live.begin(0);
  const LiveReading reading = live.advance(0);
  EXPECT_EQ(reading.window_s, 0);
  EXPECT_FALSE(reading.total.power.known());
  EXPECT_FALSE(reading.total.energy.known());
}

TEST(LiveEnergy, a_dead_sensor_becomes_unknown_and_does_not_stop_the_others) {
  TwoSources s;
  feed(s.live, 0, 2 * kSecond, 50, s.joules);
  s.live.advance(2 * kSecond);
  for (int64_t t = 2 * kSecond; t < 30 * kSecond; t += kSecond / 20) {
    s.live.samples({{0, t, s.joules}});
    s.joules += 50.0 / 20;
    if (t % kSecond == 0) s.live.advance(t);
  }
  const LiveReading reading = s.live.advance(30 * kSecond);
  EXPECT_NEAR(reading.elapsed_s, 30, 0.1);
  EXPECT_NEAR(*device(reading, "cpu").energy.value, 50 * reading.elapsed_s, 3);
  EXPECT_TRUE(reading.missing.contains("dram"));
  EXPECT_EQ(reading.total.energy.source, Source::kPartial);
}

TEST(LiveEnergy, beginning_again_forgets_what_was) {
  TwoSources s;
  feed(s.live, 0, 10 * kSecond, 50, s.joules);
  s.live.advance(10 * kSecond);
  s.live.begin(10 * kSecond);
  feed(s.live, 10 * kSecond, 12 * kSecond, 20, s.joules);
  EXPECT_NEAR(*device(s.live.advance(12 * kSecond), "cpu").energy.value, 20 * 1.75, 1);
}

}  // namespace
}  // namespace aieb
