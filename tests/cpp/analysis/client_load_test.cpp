#include "analysis/client_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aieb {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Distribution around(double p50, double p99, double std = 0) {
  Distribution d;
  d.count = 100;
  d.mean = d.p50 = p50;
  d.p99 = p99;
  d.std = std;
  return d;
}

struct ClientLoadTest : testing::Test {
  ClientLoadTest() {
    own.mode = "poisson";
    own.request_rate = 50;
    own.requests = 100;
    own.ttft_error_mean_s = 0.0002;
    own.ttft_error_p99_s = 0.001;
    own.itl_s = 0.01;
    own.itl_std_s = 0.0001;
    results.ttft_s = around(0.05, 0.06);
    results.itl_s = around(0.01, 0.02, 0.002);
    results.e2e_s = around(0.5, 0.6);
    results.send_lag_s = around(0.0001, 0.0004);
  }

  std::optional<ClientLoad> analysed(double sending_cpu_s = 1) {
    Trace trace;
    trace.events.push_back({1, kCalibrationEvent, to_json(own)});
    trace.events.push_back({2,
                            kClientEvent,
                            {{"wall_s", 10.0},
                             {"cpu_s", 3.0},
                             {"sending_cpu_s", sending_cpu_s},
                             {"thread_w", 4.0},
                             {"thread_w_uncertainty", 1.5},
                             {"thread_w_basis", "virtual machine: 2 threads at 4 W"}}});
    return client_load(trace, results);
  }

  Calibration own;
  Results results;
};

TEST_F(ClientLoadTest, is_absent_where_no_client_was_recorded) {
  EXPECT_FALSE(client_load({}, results));
}

TEST_F(ClientLoadTest, estimates_the_clients_energy_from_its_cpu_time) {
  const Quantity energy = analysed()->energy;
  EXPECT_DOUBLE_EQ(energy.value.value(), 3.0 * 4.0);
  EXPECT_DOUBLE_EQ(energy.uncertainty(), 18.0);
  EXPECT_EQ(energy.source, Source::kEstimated);
  EXPECT_THAT(energy.reason, HasSubstr("virtual machine: 2 threads at 4 W"));
}

TEST_F(ClientLoadTest, counts_what_the_transport_did_while_measuring) {
  Trace trace;
  trace.phases = {{0, PhaseKind::kWarmup, 0, 0, 10}, {1, PhaseKind::kMeasure, 0, 20, 30}};
  trace.events.push_back({9, kConnectionsEvent, {{"opened", 64}, {"reads", 9}, {"stamped", 0}}});
  trace.events.push_back({29, kConnectionsEvent, {{"opened", 2}, {"reads", 8}, {"stamped", 6}}});
  trace.events.push_back(
      {30, kClientEvent, {{"wall_s", 10.0}, {"cpu_s", 3.0}, {"sending_cpu_s", 1.0}}});
  const auto load = client_load(trace, results);
  EXPECT_EQ(load->connections_opened, 2);
  EXPECT_EQ(load->reads_stamped_by_kernel, 0.75);
  EXPECT_FALSE(analysed()->connections_opened) << "an old trace does not say";
  EXPECT_FALSE(analysed()->reads_stamped_by_kernel);
}

TEST_F(ClientLoadTest, knows_no_energy_from_traces_that_do_not_have_the_power) {
  Trace trace;
  trace.events.push_back(
      {2, kClientEvent, {{"wall_s", 10.0}, {"cpu_s", 3.0}, {"sending_cpu_s", 1.0}}});
  EXPECT_FALSE(client_load(trace, results)->energy.known());
}

TEST_F(ClientLoadTest, has_the_calibration_and_the_cpu_time_of_the_run) {
  const auto load = analysed();
  ASSERT_TRUE(load);
  EXPECT_EQ(load->calibration, own);
  EXPECT_DOUBLE_EQ(*load->cpu_cores, 0.3);
  EXPECT_DOUBLE_EQ(*load->sending_busy, 0.1);
  EXPECT_THAT(load->limits, IsEmpty());
}

TEST_F(ClientLoadTest, survives_its_json) {
  const ClientLoad load = *analysed(9);
  const ClientLoad read = client_load_from(Json::parse(to_json(load).dump()));
  EXPECT_EQ(read.calibration, load.calibration);
  EXPECT_EQ(read.limits, load.limits);
  EXPECT_EQ(read.cpu_cores, load.cpu_cores);
}

TEST_F(ClientLoadTest, says_when_the_sending_thread_had_no_reserve) {
  EXPECT_THAT(analysed(8.5)->limits, ElementsAre(HasSubstr("busy 85 %")));
}

TEST_F(ClientLoadTest, says_when_its_own_error_is_a_good_part_of_a_ttft) {
  own.ttft_error_mean_s = 0.004;
  EXPECT_THAT(analysed()->limits, ElementsAre(HasSubstr("adds 4 ms to a TTFT")));
}

TEST_F(ClientLoadTest, says_when_it_spreads_intervals_itself) {
  own.itl_std_s = 0.0015;
  EXPECT_THAT(analysed()->limits, ElementsAre(HasSubstr("spreads token intervals by 1.5 ms")));
  results.itl_s->std = 0.02;  // what was measured is much wider
  EXPECT_THAT(analysed()->limits, IsEmpty());
}

TEST_F(ClientLoadTest, says_when_requests_left_late_unless_a_cap_held_them) {
  results.send_lag_s->p99 = 0.08;
  EXPECT_THAT(analysed()->limits, ElementsAre(HasSubstr("80 ms (p99) after their time")));
  results.config = {{"scenario", {{"load", {{"concurrency", 8}}}}}};
  EXPECT_THAT(analysed()->limits, IsEmpty());
}

TEST_F(ClientLoadTest, says_when_the_calibration_lost_requests) {
  own.lost = 3;
  EXPECT_THAT(analysed()->limits, ElementsAre(HasSubstr("3 of 100 requests")));
}

}  // namespace
}  // namespace aieb
