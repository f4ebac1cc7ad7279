#include "analysis/token_energy.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/test_seed.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

/// A server with known costs: prompts are computed one after the other, answers side by side.
struct Server {
  double idle_w = 100;
  double prompt_token_j = 0.05;
  double output_token_j = 0.6;
  double prompt_tokens_per_s = 4000;
  double output_tokens_per_s = 40;
};

struct Job {
  double sent_s = 0;
  double prefill_s = 0;
  double first_token_s = 0;
  double done_s = 0;
  int64_t prompt_tokens = 0;
  int64_t output_tokens = 0;
};

/// Poisson arrivals of random sizes over `length_s` from 5 s on.
std::vector<Job> random_jobs(const Server& server, double rate, double length_s,
                             std::mt19937_64& random) {
  std::exponential_distribution<double> gap(rate);
  std::uniform_real_distribution<double> uniform;
  std::vector<Job> jobs;
  double free_s = 0;
  for (double t = 5 + gap(random); t < 5 + length_s; t += gap(random)) {
    Job job;
    job.sent_s = t;
    job.prompt_tokens = static_cast<int64_t>(std::exp(4 + 4 * uniform(random)));
    job.output_tokens = static_cast<int64_t>(10 + 290 * uniform(random));
    job.prefill_s = std::max(t, free_s);
    job.first_token_s =
        job.prefill_s + static_cast<double>(job.prompt_tokens) / server.prompt_tokens_per_s;
    free_s = job.first_token_s;
    job.done_s =
        job.first_token_s + static_cast<double>(job.output_tokens) / server.output_tokens_per_s;
    jobs.push_back(job);
  }
  return jobs;
}

double overlap(double from, double to, double until) { return std::clamp(until, from, to) - from; }

/// Energy used until `t`.
double energy_at(const Server& server, const std::vector<Job>& jobs, double t) {
  double energy = server.idle_w * (t + 1);
  for (const Job& job : jobs) {
    energy += server.prompt_token_j * server.prompt_tokens_per_s *
              overlap(job.prefill_s, job.first_token_s, t);
    energy += server.output_token_j * server.output_tokens_per_s *
              overlap(job.first_token_s, job.done_s, t);
  }
  return energy;
}

TraceBuilder trace_of(const std::vector<Job>& jobs, DomainKind kind) {
  double end_s = 6;
  for (const Job& job : jobs) end_s = std::max(end_s, job.done_s);
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 5).phase(PhaseKind::kMeasure, 5, end_s);
  b.domain(Component::kGpu, kind);
  for (const Job& job : jobs) {
    RequestRecord& r = b.request(job.sent_s, job.done_s, job.output_tokens);
    r.first_token_ns = nanoseconds(job.first_token_s);
    r.prompt_tokens = job.prompt_tokens;
  }
  return b;
}

Results measure(const Server& server, const std::vector<Job>& jobs) {
  TraceBuilder b = trace_of(jobs, DomainKind::kCounter);
  b.samples(-1, jobs.back().done_s + 60, 0.1, [&](double t) { return energy_at(server, jobs, t); });
  return analyze(std::move(b.trace()));
}

TEST(TokenEnergy, finds_what_a_token_costs_from_the_mix_of_the_run) {
  std::mt19937_64 random(test_seed());
  const Server server;
  for (int trial = 0; trial < 5; ++trial) {
    const Results r = measure(server, random_jobs(server, 2, 60, random));
    ASSERT_EQ(r.division.method, "regression") << r.division.reason;
    EXPECT_NEAR(*r.division.per_prompt_token.value, server.prompt_token_j, 0.1 * 0.05);
    EXPECT_NEAR(*r.division.per_output_token.value, server.output_token_j, 0.05 * 0.6);
  }
}

TEST(TokenEnergy, gives_each_request_what_its_own_tokens_cost) {
  std::mt19937_64 random(test_seed());
  const Server server;
  const Results r = measure(server, random_jobs(server, 2, 60, random));
  double squares = 0;
  double mean = 0;
  int within = 0;
  for (const RequestResult& request : r.requests) {
    const double true_j =
        server.prompt_token_j * static_cast<double>(*request.record.prompt_tokens) +
        server.output_token_j * static_cast<double>(*request.record.output_tokens);
    const double error = *request.active_energy.value - true_j;
    squares += error * error;
    mean += true_j;
    within += std::abs(error) <= request.active_energy.uncertainty() + 0.02 * true_j ? 1 : 0;
  }
  const auto n = static_cast<double>(r.requests.size());
  EXPECT_LT(std::sqrt(squares / n), 0.1 * mean / n);
  EXPECT_GT(within, 0.9 * n);
}

TEST(TokenEnergy, is_not_drawn_from_estimates_of_power) {
  std::mt19937_64 random(test_seed());
  const Server server;
  const std::vector<Job> jobs = random_jobs(server, 2, 30, random);
  TraceBuilder b = trace_of(jobs, DomainKind::kEstimate);
  b.samples(-1, jobs.back().done_s + 60, 0.1, [](double) { return 90; });
  const Results r = analyze(std::move(b.trace()));
  EXPECT_EQ(r.division.method, "tokens");
  EXPECT_NE(r.division.reason.find("estimated"), std::string::npos);
  EXPECT_FALSE(r.division.per_prompt_token.known());
}

TEST(TokenEnergy, is_not_claimed_when_every_interval_holds_the_same_mix) {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 5).phase(PhaseKind::kMeasure, 5, 65);
  b.domain(Component::kGpu, DomainKind::kCounter);
  b.samples(-1, 70, 0.1, [](double t) { return step_energy(t + 1, 6, 66, 100, 300); });
  for (int i = 0; i < 1200; ++i) b.request(5 + 0.05 * i, 5 + 0.05 * (i + 1));
  const Results r = analyze(std::move(b.trace()));
  EXPECT_EQ(r.division.method, "tokens");
  EXPECT_NE(r.division.reason.find("mixed"), std::string::npos);
}

TEST(TokenEnergy, needs_enough_periods_of_the_sensor) {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 5).phase(PhaseKind::kMeasure, 5, 9);
  b.domain(Component::kGpu, DomainKind::kCounter);
  b.samples(-1, 12, 1, [](double t) { return 100 * (t + 1); });
  b.request(5, 8);
  b.request(6, 9);
  EXPECT_NE(analyze(std::move(b.trace())).division.reason.find("too short"), std::string::npos);
}

TEST(TokenEnergy, requests_of_unknown_size_share_evenly) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  b.domain(Component::kGpu, DomainKind::kCounter);
  b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(1, 5).prompt_tokens.reset();
  b.request(1, 5);
  const Results r = analyze(std::move(b.trace()));
  EXPECT_EQ(r.division.method, "time");
  EXPECT_NEAR(*r.requests[0].energy.value, 200, 1e-6);
  EXPECT_NEAR(*r.requests[1].energy.value, 200, 1e-6);
}

TEST(TokenEnergy, a_request_that_waits_in_the_queue_uses_next_to_nothing) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 45);
  b.domain(Component::kGpu, DomainKind::kCounter);
  b.samples(-1, 46, 0.1, [](double t) { return 100 * (t + 1); });
  for (int i = 0; i < 40; ++i) b.request(i, i + 1);  // each is served at once
  RequestRecord& queued = b.request(0, 41);
  queued.first_token_ns = nanoseconds(40.1);
  const Results r = analyze(std::move(b.trace()));
  EXPECT_NEAR(*r.requests[20].energy.value, 100, 1e-3);
  EXPECT_NEAR(*r.requests[40].energy.value, 100, 1e-3);
}

TEST(TokenEnergy, prompt_tokens_from_a_cache_cost_nothing) {
  const auto energy_of_second = [](int64_t cached) {
    TraceBuilder b;
    b.phase(PhaseKind::kMeasure, 0, 10);
    b.domain(Component::kGpu, DomainKind::kCounter);
    b.samples(-1, 11, 0.1, [](double t) { return 100 * (t + 1); });
    b.request(0, 10).prompt_tokens = 1000;
    RequestRecord& second = b.request(0, 10);
    second.prompt_tokens = 1000;
    second.cached_tokens = cached;
    return *analyze(std::move(b.trace())).requests[1].energy.value;
  };
  EXPECT_NEAR(energy_of_second(0), 500, 1e-6);
  EXPECT_LT(energy_of_second(900), 470);
}

TEST(TokenEnergy, a_division_that_is_only_assumed_says_what_the_other_one_would_give) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 4);
  b.domain(Component::kGpu, DomainKind::kCounter);
  b.samples(-1, 5, 0.1, [](double t) { return 100 * (t + 1); });
  b.request(0, 4, 300);
  b.request(0, 4, 100);
  const Results r = analyze(std::move(b.trace()));
  EXPECT_EQ(r.division.method, "tokens");
  const RequestResult& larger = r.requests[0];
  EXPECT_GT(*larger.energy.value, 200 + 50);
  EXPECT_GE(larger.energy.random, *larger.energy.value - 200 - 1e-9);
}

}  // namespace
}  // namespace aieb
