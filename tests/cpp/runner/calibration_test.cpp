#include "runner/calibration.h"

#include <gtest/gtest.h>

#include "core/clock.h"

namespace aieb {
namespace {

// How small the errors are is the machine's business; that they are measured is tested here.

TEST(Calibration, answers_every_request_of_a_closed_loop_and_measures_its_own_error) {
  const Calibration c = calibrate({.concurrency = 20, .tokens = 8, .duration_s = 0.5});
  EXPECT_EQ(c.mode, "closed");
  EXPECT_EQ(c.concurrency, 20);
  EXPECT_GE(c.requests, 20);
  EXPECT_EQ(c.lost, 0);
  EXPECT_GT(c.ttft_error_mean_s, 0) << "nothing is faster than the mock's own time";
  EXPECT_GE(c.ttft_error_p99_s, c.ttft_error_mean_s / 2);
  EXPECT_EQ(c.itl_s, 0.01);
  EXPECT_TRUE(c.itl_std_s.has_value());
  EXPECT_FALSE(c.send_lag_p99_s) << "a closed loop plans no times";
  EXPECT_GT(c.sending_busy, 0);
  EXPECT_LT(c.sending_busy, 1.01);
}

TEST(Calibration, keeps_the_rate_of_an_open_loop) {
  const int64_t before = now_ns();
  const Calibration c = calibrate({.request_rate = 400, .tokens = 1, .duration_s = 0.5});
  EXPECT_EQ(c.mode, "poisson");
  EXPECT_NEAR(static_cast<double>(c.requests), 200, 60) << "four standard deviations";
  EXPECT_EQ(c.lost, 0);
  EXPECT_FALSE(c.itl_std_s) << "one token has no interval";
  ASSERT_TRUE(c.send_lag_p99_s);
  EXPECT_GE(*c.send_lag_p99_s, 0);
  EXPECT_LT(seconds(now_ns() - before), 20);
}

TEST(Calibration, ends_when_it_is_stopped) {
  std::stop_source stop;
  stop.request_stop();
  const int64_t before = now_ns();
  calibrate({.concurrency = 2, .duration_s = 60}, stop.get_token());
  EXPECT_LT(seconds(now_ns() - before), 20);
}

TEST(CalibrationLoad, is_the_most_that_the_plan_asks_for) {
  BenchmarkConfig config;
  Workload workload;
  workload.requests.resize(2);
  workload.requests[1].params.max_new_tokens = 5;
  config.scenario.load.mode = "closed";
  workload.load.concurrency = 1;
  workload.load.stages = {{1, 2, 30}, {1, 30, 4}};
  EXPECT_EQ(calibration_load(config, workload).concurrency, 30);
  EXPECT_EQ(calibration_load(config, workload).tokens, 5);
  config.scenario.load.mode = "trace";
  workload.load.stages.clear();
  for (const double at_s : {0.0, 5.0, 5.2, 5.9, 6.1, 9.0}) {
    workload.load.arrivals_ns.push_back(nanoseconds(at_s));
  }
  EXPECT_EQ(calibration_load(config, workload).request_rate, 3) << "the busiest second";
  config.scenario.load.mode = "poisson";
  config.scenario.load.request_rate = 12;
  EXPECT_EQ(calibration_load(config, workload).request_rate, 12);
}

TEST(CalibrationLoad, precedes_every_load_but_the_plain_one) {
  BenchmarkConfig config;
  EXPECT_FALSE(wants_calibration(config));
  config.scenario.load.mode = "poisson";
  EXPECT_TRUE(wants_calibration(config));
  config.scenario.load.calibrate = "false";
  EXPECT_FALSE(wants_calibration(config));
  config.scenario.load.mode = "sequential";
  config.scenario.load.calibrate = "true";
  EXPECT_TRUE(wants_calibration(config));
}

}  // namespace
}  // namespace aieb
