#include "analysis/energy_curve.h"

#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "analysis/test_seed.h"

namespace aieb {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(EnergyCurve, is_linear_between_its_points) {
  const EnergyCurve curve({0, kSecond, 3 * kSecond}, {0, 100, 500});
  EXPECT_DOUBLE_EQ(curve.at(kSecond / 2), 50);
  EXPECT_DOUBLE_EQ(curve.between(kSecond, 2 * kSecond), 200);
  EXPECT_DOUBLE_EQ(curve.shifted(kSecond).at(2 * kSecond), 100);
}

TEST(EnergyCurve, goes_on_with_the_power_beside_its_ends_however_close_two_points_lie) {
  // 1 s at 100 W, then 4 J within 20 µs: the second point's time was not known that well.
  const EnergyCurve curve({0, 20'000, kSecond, 2 * kSecond, 2 * kSecond + 20'000},
                          {0, 4, 104, 204, 208});
  EXPECT_NEAR(curve.at(3 * kSecond), 208 + 104, 0.1);
  EXPECT_NEAR(curve.at(-kSecond), -104, 0.1);
  EXPECT_NEAR(curve.shifted(-kSecond).at(2 * kSecond), 208 + 104, 0.1);
}

TEST(EnergyCurve, reads_the_same_at_rising_times_as_at_any) {
  std::mt19937_64 random(test_seed());
  std::vector<int64_t> times;
  std::vector<double> energy;
  for (int64_t t = 0; t < 100 * kSecond; t += 1 + static_cast<int64_t>(random() % kSecond)) {
    times.push_back(t);
    energy.push_back(energy.empty() ? 0 : energy.back() + static_cast<double>(random() % 100));
  }
  const EnergyCurve curve(times, energy);
  size_t segment = 0;
  for (int64_t t = -5 * kSecond; t < 110 * kSecond;
       t += static_cast<int64_t>(random() % (2 * kSecond))) {
    EXPECT_DOUBLE_EQ(curve.at(t, segment), curve.at(t));
  }
}

}  // namespace
}  // namespace aieb
