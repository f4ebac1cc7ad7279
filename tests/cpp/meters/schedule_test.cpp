#include "meters/schedule.h"

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

namespace aieb {
namespace {

constexpr int64_t kMillisecond = 1'000'000;

struct Execution {
  size_t job;
  int64_t start_ns;
};

/// Runs a schedule on a made-up clock on which jobs take exactly what `costs` says.
std::vector<Execution> simulate(Schedule& schedule, const std::vector<int64_t>& costs,
                                int64_t until_ns) {
  std::vector<Execution> runs;
  int64_t now = 0;
  while (now < until_ns) {
    const Schedule::Next next = schedule.next(now);
    now = std::max(now, next.start_ns);
    runs.push_back({next.job, now});
    schedule.ran(next.job, now, now + costs[next.job]);
    now += costs[next.job];
  }
  return runs;
}

TEST(Schedule, a_job_stays_on_its_grid) {
  Schedule schedule({10 * kMillisecond}, 0);
  const auto runs = simulate(schedule, {kMillisecond}, 1000 * kMillisecond);
  ASSERT_EQ(runs.size(), 100);
  for (size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ(runs[i].start_ns, static_cast<int64_t>(i + 1) * 10 * kMillisecond);
  }
}

TEST(Schedule, slow_jobs_never_delay_a_fast_one_once_their_cost_is_known) {
  // Eight counters of 4 ms each beside a power read every 50 ms and one every 20 ms.
  std::vector<int64_t> periods{50 * kMillisecond, 20 * kMillisecond};
  std::vector<int64_t> costs{20'000, 30'000};
  for (int gpu = 0; gpu < 8; ++gpu) {
    periods.push_back(1000 * kMillisecond);
    costs.push_back(4 * kMillisecond);
  }
  Schedule schedule(periods, 0);
  for (size_t job = 0; job < costs.size(); ++job) schedule.ran(job, 0, costs[job]);
  std::map<size_t, int> count;
  for (const Execution& run : simulate(schedule, costs, 10'000 * kMillisecond)) {
    ++count[run.job];
    if (run.job < 2) {
      EXPECT_LE(run.start_ns % periods[run.job], 50'000) << "job " << run.job;
    }
  }
  EXPECT_GE(count[0], 199);
  EXPECT_GE(count[1], 499);
  for (size_t job = 2; job < costs.size(); ++job) EXPECT_GE(count[job], 9);
}

TEST(Schedule, a_job_that_fits_no_gap_still_runs_once_in_two_periods) {
  Schedule schedule({5 * kMillisecond, 100 * kMillisecond}, 0);
  schedule.ran(1, 0, 8 * kMillisecond);
  const auto runs = simulate(schedule, {kMillisecond / 10, 8 * kMillisecond}, 2000 * kMillisecond);
  const auto slow =
      std::count_if(runs.begin(), runs.end(), [](const Execution& run) { return run.job == 1; });
  EXPECT_GE(slow, 9);
}

TEST(Schedule, missed_deadlines_are_skipped_and_not_caught_up) {
  Schedule schedule({10 * kMillisecond}, 0);
  schedule.ran(0, 10 * kMillisecond, 57 * kMillisecond);
  EXPECT_EQ(schedule.next(57 * kMillisecond).start_ns, 60 * kMillisecond);
}

TEST(Schedule, jobs_of_one_period_are_spread_over_it) {
  Schedule schedule({40, 40, 40, 40}, 100);
  EXPECT_EQ(schedule.next(0).start_ns, 110);
  std::vector<int64_t> starts;
  int64_t now = 0;
  for (int i = 0; i < 4; ++i) {
    const auto next = schedule.next(now);
    starts.push_back(next.start_ns);
    now = next.start_ns;
    schedule.ran(next.job, now, now);
  }
  EXPECT_EQ(starts, (std::vector<int64_t>{110, 120, 130, 140}));
}

}  // namespace
}  // namespace aieb
