#include "analysis/attribution.h"

#include <cmath>
#include <ctime>
#include <iostream>
#include <random>

#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/test_seed.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

double thread_cpu_s() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double sum_of_requests(const Results& results) {
  double sum = 0;
  for (const RequestResult& request : results.requests) sum += request.energy.value.value_or(0);
  return sum;
}

TEST(Attribution, divides_each_instant_over_the_requests_in_flight) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(1, 5).prompt_tokens.reset();  // alone 1–3, shared 3–5
  b.request(3, 6);                        // shared 3–5, alone 5–6
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.requests[0].energy.value, 200 + 100, 1e-6);
  EXPECT_NEAR(*r.requests[1].energy.value, 100 + 100, 1e-6);
  EXPECT_NEAR(*r.unattributed.value, 500, 1e-6);
}

TEST(Attribution, divides_a_request_at_its_first_token) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter).gain_uncertainty = 0.1;
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(0, 5);  // first token at 0.5 s
  b.request(5, 10);
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.before_first_token.value, 100, 1e-6);
  EXPECT_NEAR(*r.after_first_token.value, 900, 1e-6);
  EXPECT_NEAR(r.after_first_token.systematic, 90, 1e-6);
}

TEST(Attribution, before_and_after_the_first_token_and_nobodys_make_the_gross) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1) + 30 * std::sin(t); });
  for (int i = 0; i < 7; ++i) b.request(0.5 + i, 2.7 + i);
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.before_first_token.value + *r.after_first_token.value + *r.unattributed.value,
              *r.measure.total.gross.value, 1e-6);
}

TEST(Attribution, preparing_prompts_is_part_of_what_nobody_owns) {
  TraceBuilder b;
  b.meta(meta::kBackendInfo, Json{{"in_process", true}});
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter).gain_uncertainty = 0.1;
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(1, 4).queued_ns = nanoseconds(0.5);
  b.request(6, 9).queued_ns = nanoseconds(3.0);  // while the first was still in flight
  b.request(6, 9).queued_ns = nanoseconds(5.5);  // of the same batch
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.preprocessing.value, 100 * (0.5 + 2), 1e-6);
  EXPECT_NEAR(r.preprocessing.systematic, 25, 1e-6);
  EXPECT_NEAR(*r.unattributed.value, 100 * (1 + 2 + 1), 1e-6);
}

TEST(Attribution, a_request_that_never_reached_the_model_says_nothing_of_preparing) {
  TraceBuilder b;
  b.meta(meta::kBackendInfo, Json{{"in_process", true}});
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(2, 4).queued_ns = nanoseconds(1.5);
  RequestRecord& dead = b.request(8, 8);  // its worker died, which took three seconds
  dead.queued_ns = nanoseconds(5);
  dead.status = RequestStatus::kFailed;
  dead.first_token_ns.reset();
  dead.last_token_ns.reset();
  EXPECT_NEAR(*analyze(b.trace()).preprocessing.value, 50, 1e-6);
}

TEST(Attribution, the_client_of_a_server_prepares_no_prompts) {
  TraceBuilder b;
  b.meta(meta::kBackendInfo, Json{{"in_process", false}});
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(1, 4).queued_ns = nanoseconds(0.5);
  const Results r = analyze(b.trace());
  EXPECT_FALSE(r.preprocessing.known());
  EXPECT_NE(r.preprocessing.reason.find("servers do it themselves"), std::string::npos);
}

TEST(Attribution, does_not_guess_where_an_unseen_first_token_was) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(1, 5).first_token_ns.reset();
  const Results r = analyze(b.trace());
  EXPECT_FALSE(r.before_first_token.known());
  EXPECT_NE(r.after_first_token.reason.find("first token"), std::string::npos);
}

TEST(Attribution, a_failure_without_a_token_spent_all_before_its_first) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(0, 5);  // first token at 0.5 s
  RequestRecord& failed = b.request(5, 7);
  failed.status = RequestStatus::kFailed;
  failed.first_token_ns.reset();
  failed.last_token_ns.reset();
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.before_first_token.value, 50 + 200, 1e-6);
  EXPECT_NEAR(*r.after_first_token.value, 450, 1e-6);
}

TEST(Attribution, active_energy_is_without_the_share_of_idle_power) {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 5).phase(PhaseKind::kMeasure, 5, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return step_energy(t + 1, 6, 11, 40, 100); });
  b.request(5, 10);
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.requests[0].active_energy.value, 5 * 60, 2);
}

TEST(Attribution, requests_of_other_phases_take_their_share_which_is_owed_to_none) {
  TraceBuilder b;
  b.phase(PhaseKind::kRamp, 0, 5).phase(PhaseKind::kMeasure, 5, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(2, 10).prompt_tokens.reset();  // of unknown sizes, so they share evenly
  b.request(5, 10);
  const Results r = analyze(b.trace());
  ASSERT_EQ(r.requests.size(), 1U);
  EXPECT_NEAR(*r.requests[0].energy.value, 250, 1e-6);
  EXPECT_NEAR(*r.unattributed.value, 250, 1e-6);
}

TEST(Attribution, a_lost_request_counts_until_the_measurement_ended) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  RequestRecord& lost = b.request(4, 5);
  lost.status = RequestStatus::kLost;
  lost.first_token_ns = lost.last_token_ns = lost.done_ns = std::nullopt;
  EXPECT_NEAR(*analyze(b.trace()).requests[0].energy.value, 600, 1e-6);
}

/// Random phases, domains and overlapping requests; power wanders.
TraceBuilder random_run(std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform;
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 3);
  double t = 3;
  for (int repeat = 0; repeat < 1 + static_cast<int>(random() % 3); ++repeat) {
    const double length = 1 + 5 * uniform(random);
    b.phase(PhaseKind::kMeasure, t, t + length, repeat);
    const int n = static_cast<int>(random() % 60);
    for (int i = 0; i < n; ++i) {
      const double start = t + length * uniform(random);
      b.request(start, start + 3 * uniform(random));
    }
    t += length + uniform(random);
  }
  const double end = t + 4;
  for (const Component component : {Component::kGpu, Component::kCpu, Component::kDram}) {
    b.domain(component, DomainKind::kCounter).gain_uncertainty = 0.1 * uniform(random);
    double energy = 0;
    b.samples(-0.5, end, 0.02 + 0.2 * uniform(random),
              [&](double) { return energy += 30 * uniform(random); });
  }
  b.domain(Component::kGpu, DomainKind::kGauge, 1);
  b.samples(-0.5, end, 0.1, [&](double) { return 400 * uniform(random); });
  return b;
}

TEST(Attribution, requests_and_unattributed_add_up_to_gross_for_any_schedule) {
  std::mt19937_64 random(test_seed());
  for (int trial = 0; trial < 200; ++trial) {
    const Results r = analyze(random_run(random).trace());
    const double gross = *r.measure.total.gross.value;
    ASSERT_NEAR(sum_of_requests(r) + *r.unattributed.value, gross, 1e-9 * gross) << trial;
    for (const RequestResult& request : r.requests) {
      ASSERT_GE(*request.energy.value, 0);
      ASSERT_TRUE(request.active_energy.known());
      ASSERT_LE(*request.active_energy.value, *request.energy.value);
    }
  }
}

TEST(Attribution, a_hundred_thousand_requests_and_an_hour_of_samples_take_a_second) {
  std::mt19937_64 random(test_seed());
  std::uniform_real_distribution<double> uniform;
  TraceBuilder b;
  constexpr int kRequests = 100'000;
  b.phase(PhaseKind::kIdle, 0, 10).phase(PhaseKind::kMeasure, 10, 3610);
  for (int i = 0; i < kRequests; ++i) {
    const double start = 10 + 3590 * uniform(random);
    b.request(start, start + 10 * uniform(random));
  }
  for (int gpu = 0; gpu < 8; ++gpu) {
    b.domain(Component::kGpu, DomainKind::kCounter, gpu);
    b.samples(0, 3615, 0.1, [](double t) { return 300 * t; });
  }
  const double before = thread_cpu_s();
  const Results r = analyze(std::move(b.trace()));
  const double took_s = thread_cpu_s() - before;
  std::cout << kRequests << " requests, 8 GPUs, 1 h: " << took_s << " s of CPU\n";
  EXPECT_NEAR(sum_of_requests(r) + *r.unattributed.value, *r.measure.total.gross.value, 1);
  EXPECT_LT(took_s, 2);
}

}  // namespace
}  // namespace aieb
