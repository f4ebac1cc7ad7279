#include "analysis/goodput.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/latency.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

/// A request of 5 tokens: the first after 0.1 s, then every 0.2 s with one gap of 0.4 s.
RequestResult answered(double energy_j) {
  RequestRecord r;
  r.status = RequestStatus::kOk;
  r.sent_ns = 0;
  r.output_tokens = 5;
  for (const double t : {0.1, 0.3, 0.5, 0.9, 1.1}) r.token_times.push_back({nanoseconds(t), 1});
  r.first_token_ns = r.token_times.front().t_ns;
  r.last_token_ns = r.done_ns = r.token_times.back().t_ns;
  RequestResult result = latencies_of(std::move(r));
  result.energy.value = energy_j;
  return result;
}

Results results_with(const Json& slo, std::vector<RequestResult> requests) {
  Results r;
  r.config = {{"scenario", {{"slo", slo}}}};
  r.measured_s = 4;
  r.requests = std::move(requests);
  return r;
}

/// Whether the request is good under one limit.
std::optional<bool> meets(const std::string& key, double limit) {
  Results r = results_with({{key, limit}}, {answered(10)});
  judge_goodput(r);
  return r.requests[0].meets_slo;
}

TEST(Goodput, compares_each_limit_with_its_own_quantity) {
  // ttft 100 ms; tpot (1.1 − 0.1) / 4 = 250 ms; largest gap 400 ms; e2e 1100 ms; 10 J; 2 J a token.
  const std::pair<const char*, double> values[] = {{"ttft_ms", 100}, {"tpot_ms", 250},
                                                   {"itl_ms", 400},  {"e2e_ms", 1100},
                                                   {"energy_j", 10}, {"energy_per_token_j", 2}};
  for (const auto& [key, value] : values) {
    EXPECT_EQ(meets(key, value * 1.001), true) << key;
    EXPECT_EQ(meets(key, value * 0.999), false) << key;
  }
}

TEST(Goodput, counts_failed_requests_as_bad_and_stopped_ones_not_at_all) {
  RequestResult failed;
  failed.record.status = RequestStatus::kFailed;
  RequestResult cancelled;
  cancelled.record.status = RequestStatus::kCancelled;
  RequestResult not_begun;
  not_begun.record.status = RequestStatus::kNotBegun;
  Results r = results_with({{"ttft_ms", 200}, {"energy_j", 5}},
                           {answered(1), answered(9), answered(3), failed, cancelled, not_begun});
  EXPECT_TRUE(judge_goodput(r).empty());
  ASSERT_TRUE(r.goodput);
  EXPECT_EQ(r.goodput->judged, 4);
  EXPECT_EQ(r.goodput->good, 2);
  EXPECT_DOUBLE_EQ(r.goodput->fraction, 0.5);
  EXPECT_DOUBLE_EQ(r.goodput->requests_per_s, 0.5);
  EXPECT_EQ(r.goodput->missed.at("energy_j"), 1);
  EXPECT_EQ(r.goodput->missed.at("ttft_ms"), 0);
  EXPECT_EQ(r.requests[3].meets_slo, false);
  EXPECT_EQ(r.requests[4].meets_slo, std::nullopt);
}

TEST(Goodput, needs_every_limit_kept_at_once) {
  Results r = results_with({{"ttft_ms", 50}, {"energy_j", 100}}, {answered(1)});
  judge_goodput(r);
  EXPECT_EQ(r.goodput->good, 0);
}

TEST(Goodput, is_absent_without_limits) {
  Results r = results_with(Json(), {answered(1)});
  EXPECT_TRUE(judge_goodput(r).empty());
  EXPECT_FALSE(r.goodput);
  EXPECT_FALSE(r.requests[0].meets_slo);
}

TEST(Goodput, is_unknown_not_zero_where_an_energy_limit_meets_an_unknown_energy) {
  RequestResult unknown = answered(1);
  unknown.energy = Quantity::missing("J", "the server is on another host");
  Results r = results_with({{"energy_j", 5}}, {answered(1), unknown});
  EXPECT_THAT(judge_goodput(r),
              testing::ElementsAre(testing::HasSubstr("the server is on another host")));
  EXPECT_FALSE(r.goodput);
  Results latency_only = results_with({{"ttft_ms", 500}}, {unknown});
  judge_goodput(latency_only);
  EXPECT_EQ(latency_only.goodput->good, 1) << "limits on latency do not need it";
}

TEST(Goodput, a_one_token_answer_has_no_time_per_token_to_exceed) {
  RequestResult one = answered(1);
  one.tpot_s.reset();
  one.record.token_times.resize(1);
  Results r = results_with({{"tpot_ms", 1}, {"itl_ms", 1}}, {one});
  judge_goodput(r);
  EXPECT_EQ(r.goodput->good, 1);
}

}  // namespace
}  // namespace aieb
