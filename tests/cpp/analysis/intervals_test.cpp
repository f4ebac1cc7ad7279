#include "analysis/intervals.h"

#include <cmath>
#include <functional>
#include <iostream>
#include <queue>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/statistics.h"
#include "analysis/test_seed.h"
#include "core/clock.h"
#include "core/random.h"

namespace aieb {
namespace {

using ::testing::IsEmpty;

RepeatResult repeat_of(double energy_j, double tokens_per_s) {
  RepeatResult r;
  r.duration_s = 10;
  r.energy = Quantity::missing("J", "");
  r.energy.value = energy_j;
  r.energy.systematic = 0.05 * energy_j;
  r.energy.random = 1;
  r.gpu_energy = Quantity::missing("J", "no GPU");
  r.energy_per_request = r.energy_per_output_token = Quantity::missing("J", "");
  r.output_tokens_per_s = tokens_per_s;
  return r;
}

TEST(StudentT, has_the_points_of_the_printed_tables) {
  EXPECT_NEAR(student_t_975(1), 12.7062, 1e-3);
  EXPECT_NEAR(student_t_975(2), 4.3027, 1e-4);
  EXPECT_NEAR(student_t_975(4), 2.7764, 1e-4);
  EXPECT_NEAR(student_t_975(9), 2.2622, 1e-4);
  EXPECT_NEAR(student_t_975(120), 1.9799, 1e-4);
  EXPECT_NEAR(student_t_975(std::numeric_limits<double>::infinity()), 1.9600, 1e-4);
}

TEST(Intervals, over_repeats_are_student_s_with_the_common_gain_beside_them) {
  const std::vector<RepeatResult> repeats = {repeat_of(100, 50), repeat_of(110, 52),
                                             repeat_of(120, 54)};
  const auto intervals = intervals_of(repeats, {});
  const MetricInterval& energy = *find_interval(intervals, "total_energy_j");
  EXPECT_EQ(energy.method, "repeats");
  EXPECT_EQ(energy.count, 3);
  EXPECT_DOUBLE_EQ(energy.mean, 110);
  EXPECT_NEAR(energy.half_width, 4.3027 * 10 / std::sqrt(3), 1e-3);
  EXPECT_NEAR(energy.systematic, 0.05 * 110, 1e-9) << "the same gain in all: it does not shrink";
  EXPECT_NEAR(find_interval(intervals, "output_tokens_per_s")->half_width,
              4.3027 * 2 / std::sqrt(3), 1e-3);
  EXPECT_EQ(find_interval(intervals, "gpu_energy_j"), nullptr) << "unknown is absent";
}

TEST(Intervals, need_every_repeat_to_know_the_metric) {
  std::vector<RepeatResult> repeats = {repeat_of(100, 50), repeat_of(110, 52)};
  repeats[1].output_tokens_per_s.reset();
  EXPECT_EQ(find_interval(intervals_of(repeats, {}), "output_tokens_per_s"), nullptr);
}

RequestResult request_of(double start_s, double end_s, int64_t tokens) {
  RequestResult r;
  r.record.status = RequestStatus::kOk;
  r.record.output_tokens = tokens;
  r.start_s = start_s;
  r.latency_s = end_s - start_s;
  r.ttft_s = 0.1 * (end_s - start_s);
  return r;
}

/// A closed loop: `users` requests in flight, each of them sends the next when one was answered.
struct SimulatedLoop {
  std::vector<RequestResult> requests;
  RepeatResult repeat;
};
SimulatedLoop closed_loop(int users, int count, const std::function<double()>& service_s) {
  SimulatedLoop run;
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at;
  for (int i = 0; i < users; ++i) free_at.push(0);
  for (int i = 0; i < count; ++i) {
    const double start = free_at.top();
    free_at.pop();
    const double end = start + service_s();
    free_at.push(end);
    run.requests.push_back(request_of(start, end, 10));
    run.repeat.duration_s = std::max(run.repeat.duration_s, end);
  }
  return run;
}

/// Share of runs whose interval holds the truth.
double coverage(int users, int count, double true_latency_s, const std::function<double()>& draw,
                const char* key, double truth) {
  int held = 0;
  int stated = 0;
  for (int run = 0; run < 1000; ++run) {
    const SimulatedLoop loop = closed_loop(users, count, draw);
    const auto intervals = intervals_of(std::vector{loop.repeat}, loop.requests);
    const MetricInterval* interval = find_interval(intervals, key);
    if (interval == nullptr) continue;
    ++stated;
    if (std::abs(interval->mean - truth) <= interval->half_width) ++held;
  }
  EXPECT_GT(stated, 800) << key << " of " << users << " users, " << true_latency_s << " s each";
  const double share = held / static_cast<double>(stated);
  std::cout << key << ", " << users << " in flight, " << count << " requests: stated in " << stated
            << " of 1000 runs, held in " << 100 * share << " %\n";
  return share;
}

TEST(BatchMeans, hold_the_true_rate_and_latency_in_95_of_100_sequential_runs) {
  Random random(test_seed());
  const auto draw = [&] { return 0.5 + 0.5 * random.exponential(); };
  EXPECT_NEAR(coverage(1, 100, 1, draw, "e2e_s", 1), 0.945, 0.025);
  EXPECT_NEAR(coverage(1, 100, 1, draw, "throughput_prompts_per_sec", 1), 0.945, 0.025);
}

TEST(BatchMeans, hold_the_true_latency_of_loops_with_several_requests_in_flight) {
  Random random(test_seed() + 1);
  const auto draw = [&] { return 0.5 + 0.5 * random.exponential(); };
  EXPECT_NEAR(coverage(8, 400, 1, draw, "e2e_s", 1), 0.945, 0.03);
}

/// A server whose speed wanders: neighbours are alike, so that plain 2·s/√n holds far less often.
TEST(BatchMeans, are_wider_than_the_standard_error_of_single_requests_when_neighbours_are_alike) {
  Random random(test_seed() + 2);
  int held = 0;
  int naive = 0;
  int stated = 0;
  for (int run = 0; run < 1000; ++run) {
    double level = random.normal();
    const auto draw = [&] {
      level = 0.8 * level + 0.6 * random.normal();
      return 1 + 0.1 * level;
    };
    const SimulatedLoop loop = closed_loop(1, 300, draw);
    std::vector<double> values;
    for (const RequestResult& r : loop.requests) values.push_back(*r.latency_s);
    const Distribution d = *summarize(values);
    if (std::abs(d.mean - 1) <= 2 * d.std / std::sqrt(300.0)) ++naive;
    const auto intervals = intervals_of(std::vector{loop.repeat}, loop.requests);
    const MetricInterval* interval = find_interval(intervals, "e2e_s");
    if (interval == nullptr) continue;
    ++stated;
    if (std::abs(interval->mean - 1) <= interval->half_width) ++held;
  }
  EXPECT_GT(stated, 800);
  EXPECT_LT(naive / 1000.0, 0.6);
  EXPECT_GT(held / static_cast<double>(stated), 0.9);
}

TEST(BatchMeans, of_the_rate_add_up_to_the_whole_window) {
  Random random(test_seed() + 3);
  SimulatedLoop loop = closed_loop(4, 60, [&] { return 0.2 + random.uniform(); });
  loop.repeat.duration_s += 3;  // a pause at the end belongs to the window
  const auto intervals = intervals_of(std::vector{loop.repeat}, loop.requests);
  EXPECT_NEAR(find_interval(intervals, "throughput_prompts_per_sec")->mean,
              60 / loop.repeat.duration_s, 1e-9);
  EXPECT_NEAR(find_interval(intervals, "output_tokens_per_s")->mean, 600 / loop.repeat.duration_s,
              1e-9);
}

TEST(BatchMeans, are_absent_when_there_are_too_few_requests_for_what_is_in_flight) {
  const auto draw = [] { return 1.0; };
  const SimulatedLoop few = closed_loop(1, 4, draw);
  EXPECT_THAT(intervals_of(std::vector{few.repeat}, few.requests), IsEmpty());
  const SimulatedLoop wide = closed_loop(16, 64, draw);
  EXPECT_THAT(intervals_of(std::vector{wide.repeat}, wide.requests), IsEmpty());
}

TEST(BatchMeans, are_absent_when_the_run_drifts_as_a_whole) {
  double at = 0;
  const SimulatedLoop loop = closed_loop(1, 60, [&] { return 1 + 0.05 * at++; });
  EXPECT_EQ(find_interval(intervals_of(std::vector{loop.repeat}, loop.requests), "e2e_s"), nullptr);
}

}  // namespace
}  // namespace aieb
