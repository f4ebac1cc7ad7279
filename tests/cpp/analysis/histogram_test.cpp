#include "analysis/histogram.h"

#include <cmath>
#include <iostream>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "analysis/test_seed.h"

namespace aieb {
namespace {

int64_t total(const Histogram& h) {
  return std::accumulate(h.counts.begin(), h.counts.end(), int64_t{0});
}

TEST(Histogram, counts_every_value_once) {
  const uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 100; ++round) {
    std::vector<double> values(1 + random() % 500);
    std::lognormal_distribution<double> draw(0, 0.1 * static_cast<double>(random() % 20));
    for (double& value : values) value = draw(random);
    const auto h = histogram_of(values);
    ASSERT_TRUE(h);
    EXPECT_EQ(total(*h), static_cast<int64_t>(values.size()));
    EXPECT_EQ(h->edges.size(), h->counts.size() + 1);
    for (size_t i = 0; i + 1 < h->edges.size(); ++i) {
      const auto in_bin = std::ranges::count_if(values, [&](double v) {
        const bool last = i + 2 == h->edges.size();
        return v >= h->edges[i] && (last ? v <= h->edges[i + 1] : v < h->edges[i + 1]);
      });
      EXPECT_EQ(h->counts[i], in_bin) << i;
    }
  }
}

TEST(Histogram, has_bins_of_equal_ratio_when_stragglers_are_far_off) {
  std::vector<double> values(1000, 0.01);
  for (size_t i = 0; i < values.size(); ++i) values[i] += 1e-6 * static_cast<double>(i);
  values.push_back(5);
  const auto h = histogram_of(values);
  EXPECT_NEAR(h->edges[1] / h->edges[0], h->edges[2] / h->edges[1], 1e-9);
}

TEST(Histogram, of_equal_values_is_one_bin) {
  const auto h = histogram_of(std::vector<double>{2, 2, 2});
  EXPECT_EQ(h->counts, std::vector<int64_t>{3});
}

TEST(Histogram, is_absent_without_values) { EXPECT_FALSE(histogram_of({})); }

}  // namespace
}  // namespace aieb
