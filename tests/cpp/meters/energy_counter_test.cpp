#include "meters/energy_counter.h"

#include <random>

#include <gtest/gtest.h>

namespace aieb {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
using Step = EnergyCounter::Step;

TEST(EnergyCounter, counts_any_number_of_wraps) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> watts(0, 900);
  std::uniform_real_distribution<double> pause(0.01, 40);
  constexpr double kRange = 65'536;
  EnergyCounter counter(kRange, 2000);
  double truth = 0;
  const double start = std::uniform_real_distribution<double>(0, kRange)(random);
  double t = 0;
  counter.add(start, 0);
  for (int i = 0; i < 20'000; ++i) {
    const double elapsed = pause(random);
    truth += watts(random) * elapsed;
    t += elapsed;
    counter.add(std::fmod(start + truth, kRange), static_cast<int64_t>(t * 1e9));
  }
  EXPECT_GT(counter.wraps(), 1000);
  EXPECT_EQ(counter.wraps(), static_cast<int64_t>((start + truth) / kRange));
  EXPECT_NEAR(counter.joules(), truth, truth * 1e-9);
}

TEST(EnergyCounter, starts_at_zero_whatever_the_register_holds) {
  EnergyCounter counter(1000, 100);
  EXPECT_EQ(counter.add(777, 0), Step::kFirst);
  EXPECT_EQ(counter.joules(), 0);
}

TEST(EnergyCounter, a_reset_is_not_taken_for_a_wrap) {
  EnergyCounter counter(262'143, 2000);
  counter.add(1000, 0);
  counter.add(1050, kSecond);
  EXPECT_EQ(counter.add(3, 2 * kSecond), Step::kReset);
  EXPECT_EQ(counter.joules(), 50);
  EXPECT_EQ(counter.add(13, 3 * kSecond), Step::kAdvance);
  EXPECT_EQ(counter.joules(), 60);
  EXPECT_EQ(counter.wraps(), 0);
}

TEST(EnergyCounter, a_register_without_range_never_wraps) {
  EnergyCounter counter(0, 5000);
  counter.add(500, 0);
  EXPECT_EQ(counter.add(499, kSecond), Step::kReset);
  EXPECT_EQ(counter.joules(), 0);
}

TEST(EnergyCounter, an_impossible_rise_adds_nothing) {
  EnergyCounter counter(0, 5000);
  counter.add(0, 0);
  counter.add(300, kSecond);
  EXPECT_EQ(counter.add(1e12, 2 * kSecond), Step::kJump);
  EXPECT_EQ(counter.joules(), 300);
  counter.add(1e12 + 100, 3 * kSecond);
  EXPECT_EQ(counter.joules(), 400);
}

TEST(EnergyCounter, says_when_a_pause_may_have_hidden_a_wrap) {
  EnergyCounter counter(65'536, 2000);
  counter.add(0, 0);
  EXPECT_EQ(counter.add(10, 30 * kSecond), Step::kAdvance);
  EXPECT_EQ(counter.add(20, 70 * kSecond), Step::kGap);
}

}  // namespace
}  // namespace aieb
