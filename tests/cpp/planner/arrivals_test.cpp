#include "runner/arrivals.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "core/clock.h"

namespace aieb {
namespace {

using enum ArrivalKind;

constexpr double kEndless = std::numeric_limits<double>::infinity();
constexpr size_t kAll = 10'000'000;

/// A fresh seed each time, printed; AIEB_TEST_SEED repeats one. Tolerances are so wide that a right
/// program fails once in about 10⁵ runs.
uint64_t test_seed() {
  const char* given = std::getenv("AIEB_TEST_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << "AIEB_TEST_SEED=" << seed << '\n';
  return seed;
}

std::vector<double> gaps_of(const std::vector<int64_t>& offsets) {
  std::vector<double> gaps;
  int64_t before = 0;
  for (const int64_t offset : offsets) {
    gaps.push_back(seconds(offset - before));
    before = offset;
  }
  return gaps;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

/// Variance over squared mean: 1 for exponential gaps, 1/k for gamma ones of shape k.
double relative_variance(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return sum / static_cast<double>(values.size() - 1) / (mean * mean);
}

TEST(Arrivals, constant_ones_are_evenly_spaced_from_the_beginning) {
  const auto offsets = plan_arrivals(kConstant, 1, {{kEndless, 8, 8}}, 5, 1);
  EXPECT_EQ(offsets, (std::vector<int64_t>{0, 125'000'000, 250'000'000, 375'000'000, 500'000'000}));
}

TEST(Arrivals, constant_ones_fill_a_duration_exactly) {
  for (const double rate : {0.1, 3.0, 7.3, 1000.0}) {
    for (const double duration_s : {1.0, 10.0, 30.0}) {
      const auto offsets = plan_arrivals(kConstant, 1, {{duration_s, rate, rate}}, kAll, 1);
      EXPECT_EQ(offsets.size(), static_cast<size_t>(std::ceil(rate * duration_s - 1e-9)));
      EXPECT_LT(seconds(offsets.back()), duration_s);
    }
  }
}

TEST(Arrivals, exponential_gaps_pass_a_kolmogorov_smirnov_test) {
  const uint64_t seed = test_seed();
  constexpr size_t kCount = 20'000;
  std::vector<double> gaps =
      gaps_of(plan_arrivals(kPoisson, 1, {{kEndless, 40, 40}}, kCount, seed));
  ASSERT_EQ(gaps.size(), kCount);
  std::sort(gaps.begin(), gaps.end());
  double distance = 0;
  for (size_t i = 0; i < kCount; ++i) {
    const double expected = 1 - std::exp(-40 * gaps[i]);
    distance = std::max(distance, std::abs(expected - static_cast<double>(i) / kCount));
    distance = std::max(distance, std::abs(expected - static_cast<double>(i + 1) / kCount));
  }
  // Kolmogorov's limit law: P(D·√n > 2.47) = 10⁻⁵.
  EXPECT_LT(distance * std::sqrt(kCount), 2.47);
}

TEST(Arrivals, gamma_gaps_have_the_rate_and_the_burstiness_asked_for) {
  const uint64_t seed = test_seed();
  constexpr double kCount = 40'000;
  for (const double shape : {0.25, 0.5, 1.0, 2.0, 10.0}) {
    const auto gaps = gaps_of(
        plan_arrivals(kGamma, shape, {{kEndless, 100, 100}}, static_cast<size_t>(kCount), seed));
    const double mean_sigma = 0.01 / std::sqrt(shape * kCount);
    EXPECT_NEAR(mean_of(gaps), 0.01, 4.5 * mean_sigma) << shape;
    // Var(s²) ≈ σ⁴·(2 + excess kurtosis)/n, with 6/shape; the mean's own error adds less.
    const double sigma = std::sqrt((2 + 6 / shape + 4 / shape) / kCount) / shape;
    EXPECT_NEAR(relative_variance(gaps), 1 / shape, 4.5 * sigma) << shape;
  }
}

TEST(Arrivals, a_duration_holds_a_poisson_number_of_requests) {
  const uint64_t seed = test_seed();
  constexpr int kRuns = 400;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kRuns; ++i) {
    const auto count = static_cast<double>(
        plan_arrivals(kPoisson, 1, {{10, 20, 20}}, kAll, seed + static_cast<uint64_t>(i)).size());
    sum += count;
    squares += count * count;
  }
  const double mean = sum / kRuns;
  EXPECT_NEAR(mean, 200, 4.5 * std::sqrt(200.0 / kRuns));
  EXPECT_NEAR(squares / kRuns - mean * mean, 200, 4.5 * 200 * std::sqrt(2.0 / kRuns));
}

TEST(Arrivals, a_ramp_is_an_inhomogeneous_poisson_process) {
  const uint64_t seed = test_seed();
  // 0 → 200/s over 100 s, then 200/s for 20 s: 10 000 and 4 000 requests expected.
  const std::vector<RateStage> stages{{100, 0, 200}, {20, 200, 200}};
  const auto offsets = plan_arrivals(kPoisson, 1, stages, kAll, seed);
  double chi_square = 0;
  for (int i = 0; i < 12; ++i) {
    const int64_t from = int64_t{10'000'000'000} * i;
    const auto in_bin = std::count_if(offsets.begin(), offsets.end(), [&](int64_t t) {
      return t >= from && t < from + 10'000'000'000;
    });
    const double expected = i < 10 ? 200 * i + 100 : 2000;
    chi_square += std::pow(static_cast<double>(in_bin) - expected, 2) / expected;
  }
  EXPECT_LT(chi_square, 43.8);  // 12 degrees of freedom: exceeded once in 60 000 runs
  EXPECT_LT(seconds(offsets.back()), 120);
}

/// ∫ rate from 0 to t, by the trapezoid rule on a fine grid: another way than the planner's.
double expected_by(const std::vector<RateStage>& stages, double t_s) {
  double sum = 0;
  double start_s = 0;
  for (const RateStage& stage : stages) {
    const double length = std::clamp(t_s - start_s, 0.0, stage.duration_s);
    constexpr int kSteps = 2000;
    for (int i = 0; i < kSteps; ++i) {
      const double x = length * (i + 0.5) / kSteps;
      sum += (stage.from + (stage.to - stage.from) * x / stage.duration_s) * length / kSteps;
    }
    start_s += stage.duration_s;
  }
  return sum;
}

TEST(Arrivals, constant_ones_leave_when_as_many_are_due_under_any_stages) {
  const uint64_t seed = test_seed();
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> rate(0, 50);
  std::uniform_real_distribution<double> length(0.1, 5);
  for (int round = 0; round < 50; ++round) {
    std::vector<RateStage> stages;
    for (int i = 0; i < 4; ++i) {
      const double from = rate(random);
      stages.push_back({length(random), from, i % 2 == 0 ? from : rate(random)});
    }
    const auto offsets = plan_arrivals(kConstant, 1, stages, kAll, seed);
    const double total = expected_by(stages, 1000);
    EXPECT_NEAR(static_cast<double>(offsets.size()), total, 1.0001);
    for (size_t i = 0; i < offsets.size(); i += 7) {
      EXPECT_NEAR(expected_by(stages, seconds(offsets[i])), static_cast<double>(i), 1e-3);
    }
  }
}

TEST(Arrivals, are_ascending_and_the_same_for_the_same_seed) {
  const uint64_t seed = test_seed();
  const std::vector<RateStage> stages{{5, 10, 500}, {5, 500, 0}};
  for (const ArrivalKind kind : {kConstant, kPoisson, kGamma}) {
    const auto offsets = plan_arrivals(kind, 0.5, stages, kAll, seed);
    EXPECT_TRUE(std::is_sorted(offsets.begin(), offsets.end()));
    EXPECT_EQ(offsets, plan_arrivals(kind, 0.5, stages, kAll, seed));
    if (kind != kConstant) {
      EXPECT_NE(offsets, plan_arrivals(kind, 0.5, stages, kAll, seed + 1));
    }
    const auto first = plan_arrivals(kind, 0.5, stages, 10, seed);
    EXPECT_TRUE(std::equal(first.begin(), first.end(), offsets.begin()))
        << "a smaller number of requests is the beginning of a larger one";
  }
}

}  // namespace
}  // namespace aieb
