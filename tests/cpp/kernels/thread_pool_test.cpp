#include "engine/kernels/cpu/thread_pool.h"

#include <atomic>
#include <chrono>
#include <ctime>
#include <numeric>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace aieb::engine::cpu {
namespace {

using std::chrono::milliseconds;

TEST(ThreadTeam, runs_every_rank_exactly_once_per_job) {
  for (const int size : {1, 2, 5}) {
    ThreadTeam team(size);
    std::vector<int> calls(static_cast<std::size_t>(size), 0);  // plain ints: run must synchronise
    for (int job = 0; job < 500; ++job) team.run([&](int rank) { ++calls[rank]; });
    EXPECT_EQ(calls, std::vector<int>(static_cast<std::size_t>(size), 500));
  }
}

TEST(ThreadTeam, a_barrier_orders_what_is_before_it_with_what_is_after) {
  ThreadTeam team(3);
  std::vector<int> values(3, 0);
  std::vector<int> sums(3, 0);
  team.run([&](int rank) {
    for (int round = 1; round <= 200; ++round) {
      values[rank] = round;
      team.barrier();
      sums[rank] += std::accumulate(values.begin(), values.end(), 0);
      team.barrier();
    }
  });
  EXPECT_EQ(sums, std::vector<int>(3, 3 * 200 * 201 / 2));
}

TEST(ThreadTeam, works_after_its_workers_have_gone_to_sleep) {
  ThreadTeam team(2);
  std::atomic<int> calls{0};
  for (int job = 0; job < 3; ++job) {
    std::this_thread::sleep_for(milliseconds(5));  // far longer than kSpin
    team.run([&](int) { ++calls; });
  }
  EXPECT_EQ(calls, 6);
}

double process_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

TEST(ThreadTeam, an_idle_team_takes_no_processor_time) {
  ThreadTeam team(4);
  team.run([](int) {});
  std::this_thread::sleep_for(milliseconds(5));
  const double before = process_cpu_seconds();
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_LT(process_cpu_seconds() - before, 0.003);  // 1 % of one of four threads
}

TEST(ThreadTeam, a_waiting_rank_lets_a_slow_one_finish) {
  ThreadTeam team(2);
  int value = 0;
  team.run([&](int rank) {
    if (rank == 0) {
      std::this_thread::sleep_for(milliseconds(3));  // the other has stopped spinning by then
      value = 42;
    }
    team.barrier();
    EXPECT_EQ(value, 42);
  });
}

TEST(ThreadTeam, refuses_no_threads) { EXPECT_THROW(ThreadTeam(0), std::invalid_argument); }

}  // namespace
}  // namespace aieb::engine::cpu
