#include "analysis/statistics.h"

#include <gtest/gtest.h>

namespace aieb {
namespace {

TEST(Statistics, percentiles_interpolate_linearly_as_numpy_does) {
  // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], q)
  const auto of = [](double q) {
    std::vector<double> values{3, 1, 4, 1, 5, 9, 2, 6};
    return percentile(values, q);
  };
  EXPECT_DOUBLE_EQ(of(0), 1);
  EXPECT_DOUBLE_EQ(of(25), 1.75);
  EXPECT_DOUBLE_EQ(of(50), 3.5);
  EXPECT_DOUBLE_EQ(of(90), 6.9);
  EXPECT_DOUBLE_EQ(of(99), 8.79);
  EXPECT_DOUBLE_EQ(of(100), 9);
}

TEST(Statistics, a_summary_agrees_with_each_percentile_by_itself) {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back((i * 7919) % 1000 / 10.0);
  const auto summary = summarize(values);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->count, 1000);
  EXPECT_NEAR(summary->mean, 49.95, 1e-9);
  EXPECT_NEAR(summary->std, 28.88194360957, 1e-9);
  EXPECT_DOUBLE_EQ(summary->min, 0);
  EXPECT_DOUBLE_EQ(summary->max, 99.9);
  EXPECT_DOUBLE_EQ(summary->p50, percentile(values, 50));
  EXPECT_DOUBLE_EQ(summary->p90, percentile(values, 90));
  EXPECT_DOUBLE_EQ(summary->p95, percentile(values, 95));
  EXPECT_DOUBLE_EQ(summary->p99, percentile(values, 99));
  EXPECT_DOUBLE_EQ(summary->p999, percentile(values, 99.9));
}

TEST(Statistics, one_value_is_its_own_summary_and_none_has_none) {
  EXPECT_FALSE(summarize({}));
  const auto one = summarize({4.0});
  EXPECT_DOUBLE_EQ(one->p50, 4);
  EXPECT_DOUBLE_EQ(one->p999, 4);
  EXPECT_DOUBLE_EQ(one->std, 0);
}

}  // namespace
}  // namespace aieb
