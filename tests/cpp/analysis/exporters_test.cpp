#include <cmath>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/server_truth.h"
#include "analysis/test_seed.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A server's GPU behind an exporter: idle until 10 s, busy from 10 s to `end_s`.
struct RemoteRun {
  double update_s = 0.1;  ///< the exporter renews its values this often
  double phase_s = 0;     ///< and first at this time
  double scrape_s = 0.1;
  double clock_error_s = 0;  ///< its times are off by this
  double half_width_s = 0;   ///< and said to be off by this at most
  double end_s = 20;
  double busy_w = 500;
  DomainKind kind = DomainKind::kCounter;

  [[nodiscard]] double shown_at(double t) const {
    return phase_s + std::floor((t - phase_s) / update_s) * update_s;
  }

  [[nodiscard]] TraceBuilder build() const {
    TraceBuilder b;
    b.phase(PhaseKind::kIdle, 2, 10).phase(PhaseKind::kMeasure, 10, end_s);
    b.domain(Component::kGpu, kind).meter = "dcgm";
    for (double t = 0; t <= end_s + 2; t += scrape_s) {
      const double at = shown_at(t);
      const double value = kind == DomainKind::kCounter ? step_energy(at, 10, end_s, 100, busy_w)
                           : at >= 10 && at < end_s     ? busy_w + 0.001 * std::sin(99 * at)
                                                        : 100 + 0.001 * std::sin(99 * at);
      b.trace().samples.push_back({0, nanoseconds(t + clock_error_s), value});
    }
    b.event(0, "exporter",
            {{"meter", "dcgm"}, {"update_s", nullptr}, {"if_too_coarse", "set the interval"}});
    b.event(0, "clock_offset", {{"meter", "dcgm"}, {"half_width_s", half_width_s}});
    return b;
  }

  [[nodiscard]] Quantity energy() const {
    return analyze(build().trace()).measure.components.at(Component::kGpu).gross;
  }
  [[nodiscard]] double truth() const { return busy_w * (end_s - 10); }
};

TEST(Exporters, stated_intervals_cover_the_truth_for_any_update_phase_and_clock) {
  std::mt19937_64 random(test_seed());
  const auto between = [&](double a, double b) {
    return std::uniform_real_distribution<double>(a, b)(random);
  };
  for (const DomainKind kind : {DomainKind::kCounter, DomainKind::kGauge}) {
    int covered = 0;
    constexpr int kRuns = 150;
    for (int i = 0; i < kRuns; ++i) {
      RemoteRun run;
      run.kind = kind;
      run.update_s = std::exp(between(std::log(0.05), std::log(1.0)));
      run.phase_s = between(-1, 0);
      run.scrape_s = between(0.05, 0.15);
      run.half_width_s = between(0, 0.3);
      run.clock_error_s = run.half_width_s * between(-1, 1);
      const Quantity energy = run.energy();
      ASSERT_TRUE(energy.known()) << energy.reason;
      covered += std::abs(*energy.value - run.truth()) <= energy.uncertainty() ? 1 : 0;
    }
    EXPECT_GE(covered, kRuns * 93 / 100) << to_string(kind);
  }
}

/// Eight GPUs on one page: what its times are off by moves the energy of all of them the same way.
/// It is read whenever it is new, so that nothing narrows when that was: 91 % of such runs are
/// covered, with one GPU as with eight, and 83 % where the GPUs are taken for independent.
TEST(Exporters, stated_intervals_cover_the_energy_of_all_gpus_on_one_page) {
  std::mt19937_64 random(test_seed());
  const auto between = [&](double a, double b) {
    return std::uniform_real_distribution<double>(a, b)(random);
  };
  int covered = 0;
  int request_covered = 0;
  constexpr int kRuns = 150;
  constexpr int kGpus = 8;
  for (int i = 0; i < kRuns; ++i) {
    RemoteRun run;
    run.update_s = run.scrape_s = between(0.1, 0.5);
    run.phase_s = between(-1, 0);
    run.half_width_s = between(0, 0.1);
    run.clock_error_s = run.half_width_s * between(-1, 1);
    TraceBuilder b = run.build();
    b.request(10, 20);
    const std::vector<Sample> page = b.trace().samples;
    for (int gpu = 1; gpu < kGpus; ++gpu) {
      b.domain(Component::kGpu, run.kind).meter = "dcgm";
      b.trace().domains.back().index = gpu;
      for (const Sample& sample : page)
        b.trace().samples.push_back({gpu, sample.t_ns, sample.value});
    }
    const Results results = analyze(b.trace());
    const Quantity& energy = results.measure.total.gross;
    ASSERT_TRUE(energy.known()) << energy.reason;
    const double truth = kGpus * run.truth();
    covered += std::abs(*energy.value - truth) <= energy.uncertainty() ? 1 : 0;
    const Quantity& request = results.requests.at(0).energy;
    request_covered += std::abs(*request.value - truth) <= request.uncertainty() ? 1 : 0;
  }
  EXPECT_GE(covered, kRuns * 87 / 100);
  EXPECT_GE(request_covered, kRuns * 87 / 100);
}

TEST(Exporters, a_page_that_was_slow_to_come_widens_the_edge_beside_it) {
  RemoteRun run;
  const auto with_slow_page = [&](double at_s) {
    TraceBuilder b = run.build();
    b.event(at_s, "clock_offset", {{"meter", "dcgm"}, {"half_width_s", 0.2}});
    b.event(at_s + 0.1, "clock_offset", {{"meter", "dcgm"}, {"half_width_s", 0.0}});
    return analyze(b.trace()).measure.components.at(Component::kGpu).gross.random;
  };
  EXPECT_GT(with_slow_page(10.3), 2 * with_slow_page(15)) << "it was asked for before the edge";
  EXPECT_GT(with_slow_page(9.9), 2 * with_slow_page(15));
  EXPECT_DOUBLE_EQ(with_slow_page(15), run.energy().random);
}

TEST(Exporters, a_window_with_too_few_new_values_is_refused_with_what_to_change) {
  RemoteRun run;
  run.update_s = 30;
  run.phase_s = -4;
  run.end_s = 70;
  const Quantity energy = run.energy();
  EXPECT_FALSE(energy.known());
  EXPECT_THAT(energy.reason, HasSubstr("set the interval"));
  run.update_s = 3;
  EXPECT_TRUE(run.energy().known());
}

TEST(Exporters, what_clocks_may_be_off_by_widens_the_interval) {
  RemoteRun exact;
  RemoteRun coarse;
  coarse.half_width_s = 0.5;
  EXPECT_GT(coarse.energy().random, 2 * exact.energy().random);
}

TEST(Exporters, large_steps_of_a_page_that_is_seldom_new_are_no_jumps) {
  RemoteRun run;
  run.update_s = 8;
  run.busy_w = 4000;
  run.end_s = 110;
  const Results results = analyze(run.build().trace());
  EXPECT_NEAR(*results.measure.components.at(Component::kGpu).gross.value, run.truth(),
              0.1 * run.truth());
  EXPECT_THAT(results.warnings, Not(Contains(HasSubstr("jumped"))));
}

/// One request on a GPU behind an exporter: busy from 12 s to 17 s of a measurement of 17 s.
struct RemoteRequest {
  double update_s = 0.1;
  double clock_error_s = 0;
  double half_width_s = 0;
  DomainKind kind = DomainKind::kCounter;

  static constexpr double kTruth_j = 500 * 5;

  [[nodiscard]] Results results() const {
    TraceBuilder b;
    b.phase(PhaseKind::kIdle, 1, 8).phase(PhaseKind::kMeasure, 8, 25);
    b.request(12, 17);
    b.domain(Component::kGpu, kind).meter = "dcgm";
    for (double t = 0; t <= 27; t += update_s) {
      const bool busy = t >= 12 && t < 17;
      const double value = kind == DomainKind::kCounter
                               ? step_energy(t, 12, 17, 100, 500)
                               : (busy ? 500 : 100) + std::sin(99 * t) / 1000;
      b.trace().samples.push_back({0, nanoseconds(t + clock_error_s), value});
    }
    b.event(0, "exporter",
            {{"meter", "dcgm"}, {"update_s", nullptr}, {"if_too_coarse", "set the interval"}});
    b.event(0, "clock_offset", {{"meter", "dcgm"}, {"half_width_s", half_width_s}});
    return analyze(b.trace());
  }
};

TEST(Exporters, the_energy_of_a_request_covers_the_truth_for_any_clock) {
  std::mt19937_64 random(test_seed());
  const auto between = [&](double a, double b) {
    return std::uniform_real_distribution<double>(a, b)(random);
  };
  for (const DomainKind kind : {DomainKind::kCounter, DomainKind::kGauge}) {
    int covered = 0;
    int rest_covered = 0;
    constexpr int kRuns = 100;
    for (int i = 0; i < kRuns; ++i) {
      RemoteRequest run;
      run.kind = kind;
      // Values come quickly, so that what is off is the clock.
      run.update_s = between(0.02, 0.05);
      run.half_width_s = between(0.2, 1);
      run.clock_error_s = run.half_width_s * between(-1, 1);
      const Results r = run.results();
      const Quantity& energy = r.requests.at(0).energy;
      ASSERT_TRUE(energy.known()) << energy.reason;
      const double error = std::abs(*energy.value - RemoteRequest::kTruth_j);
      covered += error <= energy.uncertainty() ? 1 : 0;
      const double rest = std::abs(*r.unattributed.value - 100 * 12);
      rest_covered += rest <= r.unattributed.uncertainty() ? 1 : 0;
    }
    EXPECT_GE(covered, kRuns * 93 / 100) << to_string(kind);
    EXPECT_GE(rest_covered, kRuns * 93 / 100) << to_string(kind);
  }
}

TEST(Exporters, a_clock_s_error_in_a_request_is_about_what_it_moves_over_the_request_s_ends) {
  RemoteRequest exact;
  RemoteRequest coarse;
  coarse.half_width_s = 0.5;
  const double sharp = exact.results().requests.at(0).energy.random;
  const double blurred = coarse.results().requests.at(0).energy.random;
  EXPECT_GT(blurred, 2 * sharp);
  EXPECT_LT(blurred, 2 * 0.5 * 400) << "half a second of the step in power";
}

Json page(double running, double tokens, bool whole = true) {
  Json out = {{"engine", "vllm"}, {"url", "http://a/metrics"}, {"running", running},
              {"waiting", 2.0},   {"output_tokens", tokens},   {"prompt_tokens", 50.0}};
  if (whole) {
    out["histograms"]["ttft_s"] = {{"sum", tokens / 100},
                                   {"count", tokens / 10},
                                   {"le", {0.1, 0.2, nullptr}},
                                   {"counts", {0.0, tokens / 10, tokens / 10}}};
  }
  return out;
}

TEST(ServerTruth, counts_between_the_readings_around_the_measurement) {
  TraceBuilder b;
  b.phase(PhaseKind::kWarmup, 0, 9).phase(PhaseKind::kMeasure, 10, 20);
  b.event(1, "server_metrics", page(9, 100));
  b.event(9.9, "server_metrics", page(0, 1000));
  b.event(12, "server_metrics", page(4, 1200, false));
  b.event(16, "server_metrics", page(8, 1600, false));
  b.event(20.1, "server_metrics", page(1, 1990));
  b.event(20.2, "server_metrics", page(0, 2000));
  const std::vector<TimeSpan> measured = {{nanoseconds(10), nanoseconds(20)}};
  const auto truth = server_truth(b.trace(), measured, 0);
  ASSERT_TRUE(truth);
  EXPECT_EQ(truth->output_tokens, 1000);
  EXPECT_EQ(truth->prompt_tokens, 0);
  EXPECT_EQ(truth->preemptions, std::nullopt) << "not on the page";
  EXPECT_DOUBLE_EQ(*truth->mean_running, 6);
  EXPECT_DOUBLE_EQ(*truth->max_running, 8);
  EXPECT_EQ(truth->readings, 2);
  const ServerTruth::Latency& ttft = truth->latencies.at("ttft_s");
  EXPECT_EQ(ttft.count, 100);
  EXPECT_DOUBLE_EQ(ttft.mean_s, 0.1);
  EXPECT_DOUBLE_EQ(*ttft.p50_s, 0.15) << "evenly spread within its bucket";
  const auto again = server_truth_from(to_json(*truth));
  EXPECT_EQ(again->output_tokens, truth->output_tokens);
  EXPECT_EQ(again->latencies.at("ttft_s").p90_s, ttft.p90_s);
}

TEST(ServerTruth, a_counter_that_fell_is_unknown) {
  TraceBuilder b;
  b.event(9, "server_metrics", page(0, 1000));
  b.event(21, "server_metrics", page(0, 10));
  const std::vector<TimeSpan> measured = {{nanoseconds(10), nanoseconds(20)}};
  EXPECT_EQ(server_truth(b.trace(), measured, 0)->output_tokens, std::nullopt);
}

TEST(ServerTruth, warns_of_tokens_that_are_not_ours) {
  Results results;
  results.total_prompts = results.successful_prompts = 5;
  results.output_tokens = 1000;
  ServerTruth truth;
  truth.output_tokens = 1003;
  EXPECT_THAT(server_warnings(truth, results), IsEmpty());
  truth.output_tokens = 1300;
  EXPECT_THAT(server_warnings(truth, results), Contains(HasSubstr("other clients")));
  truth.output_tokens = 700;
  EXPECT_THAT(server_warnings(truth, results), Contains(HasSubstr("lost")));
  results.successful_prompts = 4;
  EXPECT_THAT(server_warnings(truth, results), IsEmpty()) << "tokens of failures are not known";
}

}  // namespace
}  // namespace aieb
