#include "analysis/latency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/clock.h"

namespace aieb {
namespace {
using ::testing::DoubleNear;
using ::testing::ElementsAre;

RequestRecord streamed() {
  RequestRecord r;
  r.planned_ns = nanoseconds(1.0);
  r.sent_ns = nanoseconds(1.5);
  r.first_token_ns = nanoseconds(2.0);
  r.last_token_ns = nanoseconds(4.0);
  r.done_ns = nanoseconds(4.5);
  r.status = RequestStatus::kOk;
  r.output_tokens = 5;
  return r;
}

TEST(Latency, follows_the_definitions) {
  const RequestResult r = latencies_of(streamed());
  EXPECT_DOUBLE_EQ(*r.ttft_s, 0.5);
  EXPECT_DOUBLE_EQ(*r.tpot_s, 0.5);
  EXPECT_DOUBLE_EQ(*r.latency_s, 2.5) << "to the last token, not to the end of the exchange";
  EXPECT_DOUBLE_EQ(*r.latency_from_planned_s, 3.0);
  EXPECT_DOUBLE_EQ(*r.ttft_from_planned_s, 1.0);
  EXPECT_DOUBLE_EQ(*r.send_lag_s, 0.5);
}

TEST(Latency, a_single_token_has_no_time_per_output_token) {
  RequestRecord record = streamed();
  record.output_tokens = 1;
  EXPECT_FALSE(latencies_of(record).tpot_s);
  record.output_tokens.reset();
  EXPECT_FALSE(latencies_of(record).tpot_s);
}

TEST(Latency, what_did_not_happen_is_absent) {
  RequestRecord record;
  record.sent_ns = 1;
  const RequestResult r = latencies_of(record);
  EXPECT_FALSE(r.ttft_s);
  EXPECT_FALSE(r.latency_s);
  EXPECT_FALSE(r.latency_from_planned_s);
}

TEST(Latency, tokens_that_arrive_together_share_their_gap) {
  std::vector<double> gaps;
  const std::vector<TokenArrival> arrivals{
      {nanoseconds(1.0), 3}, {nanoseconds(1.2), 1}, {nanoseconds(1.8), 2}};
  append_token_gaps(arrivals, gaps);
  EXPECT_THAT(gaps,
              ElementsAre(DoubleNear(0.2, 1e-9), DoubleNear(0.3, 1e-9), DoubleNear(0.3, 1e-9)));
}

TEST(Latency, a_chunk_is_one_gap_however_many_tokens_it_brings) {
  Results results;
  RequestRecord record = streamed();
  record.token_times = {{nanoseconds(2.0), 3}, {nanoseconds(2.2), 1}, {nanoseconds(2.8), 2}};
  results.requests.push_back(latencies_of(record));
  summarize_requests(results);
  EXPECT_EQ(results.icl_s->count, 2);
  EXPECT_NEAR(results.icl_s->mean, 0.4, 1e-9);
  EXPECT_EQ(results.itl_s->count, 3);
  EXPECT_DOUBLE_EQ(*results.tokens_per_chunk, 2);
}

TEST(Latency, the_answer_begins_after_the_reasoning) {
  RequestRecord record = streamed();
  EXPECT_FALSE(latencies_of(record).ttfa_s);
  record.extra[kFirstAnswerNs] = nanoseconds(3.25);
  EXPECT_DOUBLE_EQ(*latencies_of(record).ttfa_s, 1.75);
}

TEST(Latency, failed_requests_do_not_enter_the_statistics) {
  Results results;
  results.measured_s = 10;
  results.requests.push_back(latencies_of(streamed()));
  RequestRecord failed = streamed();
  failed.status = RequestStatus::kFailed;
  failed.last_token_ns = nanoseconds(100);
  failed.output_tokens.reset();
  results.requests.push_back(latencies_of(failed));
  summarize_requests(results);
  EXPECT_EQ(results.e2e_s->count, 1);
  EXPECT_DOUBLE_EQ(*results.avg_latency_s, 2.5);
  EXPECT_EQ(results.output_tokens, 5);
  EXPECT_DOUBLE_EQ(*results.decode_tokens_per_s, 2);
  EXPECT_EQ(results.failed_prompts, 1);
}

TEST(Latency, a_token_sum_with_an_unknown_part_is_unknown) {
  Results results;
  results.requests.push_back(latencies_of(streamed()));
  RequestRecord unknown = streamed();
  unknown.output_tokens.reset();
  results.requests.push_back(latencies_of(unknown));
  summarize_requests(results);
  EXPECT_FALSE(results.output_tokens);
}

}  // namespace
}  // namespace aieb
