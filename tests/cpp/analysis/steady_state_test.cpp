#include "analysis/steady_state.h"

#include <cstdlib>
#include <iostream>
#include <random>

#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/latency.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

RequestResult flight(double sent_s, double done_s, int tokens = 0) {
  RequestRecord r;
  r.status = RequestStatus::kOk;
  r.sent_ns = nanoseconds(sent_s);
  r.done_ns = r.last_token_ns = nanoseconds(done_s);
  r.output_tokens = tokens;
  for (int i = 1; i <= tokens; ++i) {
    r.token_times.push_back({nanoseconds(sent_s + (done_s - sent_s) * i / tokens), 1});
  }
  return latencies_of(std::move(r));
}

const std::vector<TimeSpan> kPhase = {{0, nanoseconds(20)}};

TEST(SteadyState, lasts_from_the_first_to_the_last_moment_at_the_limit) {
  // Three users who begin at 1, 2 and 3 s; the last full moment is 9 s.
  const std::vector<RequestResult> requests{flight(1, 4),  flight(4.01, 9), flight(2, 6),
                                            flight(6, 12), flight(3, 7),    flight(7.02, 11)};
  const auto parts = cut_load(requests, kPhase, 3);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->ramp[0].end_ns, nanoseconds(3));
  EXPECT_EQ(parts->steady[0].start_ns, nanoseconds(3));
  EXPECT_EQ(parts->steady[0].end_ns, nanoseconds(9)) << "gaps between requests do not end it";
  EXPECT_EQ(parts->drain[0].end_ns, nanoseconds(20));
}

TEST(SteadyState, is_absent_when_the_limit_is_never_reached) {
  const std::vector<RequestResult> requests{flight(1, 4), flight(2, 5)};
  EXPECT_FALSE(cut_load(requests, kPhase, 3));
  EXPECT_FALSE(cut_load({}, kPhase, 1));
  const std::vector<RequestResult> back_to_back{flight(1, 4), flight(4, 5)};
  EXPECT_FALSE(cut_load(back_to_back, kPhase, 2)) << "one left as the other came";
}

TEST(SteadyState, of_an_open_loop_ends_with_the_last_sending) {
  const std::vector<RequestResult> requests{flight(0.5, 9), flight(7, 8)};
  const auto parts = cut_load(requests, kPhase, 0);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->steady[0].start_ns, 0);
  EXPECT_EQ(parts->steady[0].end_ns, nanoseconds(7));
}

TEST(SteadyState, counts_tokens_by_arrival_and_requests_that_lie_inside) {
  const std::vector<RequestResult> requests{flight(0, 10, 10), flight(2, 6, 4), flight(5, 12, 7)};
  LoadParts parts;
  parts.steady = {{nanoseconds(2), nanoseconds(10)}};
  const SteadyState steady = summarize_steady(requests, parts);
  EXPECT_EQ(steady.requests, 1);
  EXPECT_EQ(steady.output_tokens, 9 + 4 + 5);  // seconds 2…10, 3…6 and 6…10
  EXPECT_DOUBLE_EQ(*steady.output_tokens_per_s, 18.0 / 8);
  EXPECT_DOUBLE_EQ(steady.e2e_s->mean, 4);
}

TEST(SteadyState, does_not_guess_tokens_without_arrivals) {
  std::vector<RequestResult> requests{flight(2, 6, 4)};
  requests[0].record.token_times.clear();
  LoadParts parts;
  parts.steady = {{nanoseconds(0), nanoseconds(10)}};
  EXPECT_FALSE(summarize_steady(requests, parts).output_tokens);
}

/// Against a look at every millisecond.
TEST(SteadyState, agrees_with_counting_at_every_moment) {
  const char* given = std::getenv("AIEB_TEST_SEED");
  const unsigned seed = given ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  std::cout << "AIEB_TEST_SEED=" << seed << '\n';
  std::mt19937 random(seed);
  const auto draw = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<RequestResult> requests;
    for (int i = draw(1, 12); i > 0; --i) {
      const int sent = draw(0, 900);
      RequestResult r;
      r.record.sent_ns = sent;
      r.record.done_ns = sent + draw(1, 300);
      requests.push_back(std::move(r));
    }
    const int limit = draw(1, 5);
    int64_t first = -1;
    int64_t last = -1;
    for (int64_t t = 0; t < 1000; ++t) {
      int in_flight = 0;
      for (const RequestResult& r : requests) {
        in_flight += *r.record.sent_ns <= t && t < std::min<int64_t>(*r.record.done_ns, 1000);
      }
      if (in_flight < limit) continue;
      if (first < 0) first = t;
      last = t + 1;
    }
    const std::vector<TimeSpan> phase = {{0, 1000}};
    const auto parts = cut_load(requests, phase, limit);
    ASSERT_EQ(parts.has_value(), first >= 0) << "round " << round;
    if (!parts) continue;
    EXPECT_EQ(parts->steady[0].start_ns, first) << "round " << round;
    EXPECT_EQ(parts->steady[0].end_ns, last) << "round " << round;
  }
}

TEST(SteadyState, divides_the_energy_of_the_measured_window_without_rest) {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 5).phase(PhaseKind::kMeasure, 10, 30);
  for (int user = 0; user < 4; ++user) {
    for (int i = 0; i < 4; ++i) b.request(11 + user * 0.5 + i * 4, 15 + user * 0.5 + i * 4);
  }
  for (RequestRecord& r : b.trace().requests) r.token_times = {{*r.done_ns, 10}};
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(0, 40, 0.1, [](double t) { return step_energy(t, 11, 28.5, 20, 80); });
  b.meta(meta::kPlan, {{"load", {{"mode", "closed"}, {"concurrency", 4}, {"requests", 16}}}});
  const Results r = analyze(b.trace());
  ASSERT_TRUE(r.steady_state);
  const SteadyState& steady = *r.steady_state;
  EXPECT_EQ(steady.limit, 4);
  EXPECT_NEAR(steady.duration_s, 27 - 12.5, 1e-9);
  EXPECT_NEAR(steady.ramp.duration_s + steady.duration_s + steady.drain.duration_s, 20, 1e-9);
  const double sum = *steady.ramp.total.gross.value + *steady.energy.total.gross.value +
                     *steady.drain.total.gross.value;
  EXPECT_NEAR(sum, *r.measure.total.gross.value, 1.0);
  EXPECT_NEAR(*steady.energy.total.gross.value, 80 * 14.5, 10);
  EXPECT_NEAR(*steady.energy_per_output_token.value,
              *steady.energy.total.gross.value / static_cast<double>(*steady.output_tokens), 1e-9);
}

}  // namespace
}  // namespace aieb
