#include "analysis/analyze.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/trace_builder.h"
#include "core/error.h"

namespace aieb {
namespace {
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Idle 0–10 s at 50 W, measured 10–20 s at 250 W, one cpu package counter read every 100 ms, and
/// dram at 5 W.
TraceBuilder simple_run() {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 10).phase(PhaseKind::kMeasure, 10, 20);
  b.domain(Component::kCpu, DomainKind::kCounter).gain_uncertainty = 0.04;
  b.samples(0, 21, 0.1, [](double t) { return step_energy(t, 10, 20, 50, 250); });
  b.domain(Component::kDram, DomainKind::kCounter).gain_uncertainty = 0.2;
  b.samples(0, 21, 0.1, [](double t) { return 5 * t; });
  for (int i = 0; i < 10; ++i) b.request(10 + i, 10.99 + i);
  return b;
}

TEST(Analyze, energy_of_the_measured_phase_by_component) {
  const Results r = analyze(simple_run().trace());
  EXPECT_NEAR(*r.measure.components.at(Component::kCpu).gross.value, 2500, 0.5);
  EXPECT_NEAR(*r.measure.components.at(Component::kDram).gross.value, 50, 0.01);
  EXPECT_NEAR(*r.measure.total.gross.value, 2550, 0.5);
  EXPECT_TRUE(r.measure.complete);
  EXPECT_EQ(r.measure.total.gross.source, Source::kMeasuredCounter);
  EXPECT_NEAR(*r.measure.domains.at("test/cpu0-counter").gross.value, 2500, 0.5);
  EXPECT_DOUBLE_EQ(r.measured_s, 10);
}

TEST(Analyze, splits_gross_into_idle_share_and_active) {
  const Results r = analyze(simple_run().trace());
  const ComponentEnergy& cpu = r.measure.components.at(Component::kCpu);
  EXPECT_NEAR(*cpu.baseline.value, 50, 0.1);
  EXPECT_NEAR(*cpu.idle_share.value, 500, 1);
  EXPECT_NEAR(*cpu.active.value, 2000, 1);
  // One gain acts on both: what is left is the gain's share of the difference.
  EXPECT_NEAR(cpu.active.systematic, 0.04 * 2000, 0.2);
  EXPECT_NEAR(*r.other_phases.at("idle").total.gross.value, 550, 1);
}

TEST(Analyze, an_estimate_that_ignores_the_load_does_not_claim_that_nothing_is_used_above_idle) {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 10).phase(PhaseKind::kMeasure, 10, 20);
  b.domain(Component::kDram, DomainKind::kEstimate).gain_uncertainty = 1;
  b.samples(0, 21, 1, [](double) { return 4.7; });
  const ComponentEnergy& dram = analyze(b.trace()).measure.components.at(Component::kDram);
  EXPECT_EQ(*dram.active.value, 0) << "and not -0.0 or 1e-15";
  EXPECT_NEAR(dram.active.systematic, std::sqrt(2) * 47, 0.1);
}

TEST(Analyze, systematic_parts_of_different_domains_add_in_quadrature) {
  const Results r = analyze(simple_run().trace());
  EXPECT_NEAR(r.measure.total.gross.systematic, std::hypot(0.04 * 2500, 0.2 * 50), 0.1);
}

TEST(Analyze, windows_of_one_domain_add_their_systematic_parts_linearly) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 2, 8).phase(PhaseKind::kMeasure, 10, 16, 1);
  b.domain(Component::kCpu, DomainKind::kCounter).gain_uncertainty = 0.05;
  b.samples(0, 18, 0.1, [](double t) { return 100 * t; });
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.measure.total.gross.value, 1200, 1e-3);
  EXPECT_NEAR(r.measure.components.at(Component::kCpu).gross.systematic, 60, 1e-3);
}

TEST(Analyze, tokens_prompts_and_carbon_follow_from_the_energy) {
  TraceBuilder b = simple_run();
  CarbonFactor factor;
  factor.g_per_kwh = 360;
  factor.uncertainty_g_per_kwh = 36;
  factor.pue = 1.5;
  factor.wue_l_per_kwh = 1.8;
  b.meta(meta::kCarbon, to_json(factor));
  const Results r = analyze(b.trace());
  const double joules = *r.measure.total.gross.value;
  EXPECT_NEAR(*r.energy_per_request.value, joules / 10, 1e-9);
  EXPECT_NEAR(*r.energy_per_output_token.value, joules / 100, 1e-9);
  EXPECT_NEAR(*r.emissions.value, joules / 3.6e6 * 1.5 * 360, 1e-9);
  EXPECT_GT(r.emissions.systematic, *r.emissions.value * 0.1);
  EXPECT_NEAR(*r.water.value, joules / 3.6e6 * 1.8, 1e-12) << "per kWh of IT energy, without PUE";
}

TEST(Analyze, an_unmeasured_component_makes_the_total_incomplete_with_the_reason) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 9);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(0, 10, 0.1, [](double t) { return 100 * t; });
  b.meta(meta::kMissing, Json::array({{{"component", "dram"},
                                       {"meter", "rapl"},
                                       {"reason", "permission denied"},
                                       {"fix", "chmod"}}}));
  const Results r = analyze(b.trace());
  EXPECT_FALSE(r.measure.complete);
  EXPECT_THAT(r.measure.missing, ::testing::ElementsAre("dram"));
  EXPECT_FALSE(r.measure.components.at(Component::kDram).gross.known());
  EXPECT_EQ(r.measure.components.at(Component::kDram).gross.reason, "permission denied");
  EXPECT_NEAR(*r.measure.total.gross.value, 800, 1e-3);
  EXPECT_EQ(r.measure.total.gross.source, Source::kPartial);
}

TEST(Analyze, a_gpu_that_was_not_used_is_not_missed) {
  TraceBuilder b = simple_run();
  const Json no_driver = Json::array({{{"component", "gpu"}, {"reason", "no driver"}}});
  b.meta(meta::kMissing, no_driver);
  b.meta(meta::kBackendInfo, {{"type", "pytorch"}, {"device", "cpu"}, {"in_process", true}});
  EXPECT_TRUE(analyze(b.trace()).measure.complete);
  b.meta(meta::kBackendInfo, {{"type", "pytorch"}, {"device", "cuda:0"}, {"in_process", true}});
  const Results on_gpu = analyze(b.trace());
  EXPECT_FALSE(on_gpu.measure.complete);
  EXPECT_EQ(on_gpu.measure.components.at(Component::kGpu).gross.reason, "no driver");
}

TEST(Analyze, a_server_elsewhere_has_no_energy_and_says_what_to_set) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 9);
  b.request(2, 3);
  b.meta(meta::kBackendInfo, {{"type", "vllm"}, {"in_process", false}});
  const Results r = analyze(b.trace());
  EXPECT_FALSE(r.measure.total.gross.known());
  EXPECT_FALSE(r.measure.complete);
  EXPECT_THAT(r.measure.components.at(Component::kCpu).gross.reason, HasSubstr("run aieb"));
  EXPECT_FALSE(r.energy_per_request.known());
  EXPECT_FALSE(r.requests[0].energy.known());
  EXPECT_FALSE(r.emissions.known());
}

TEST(Analyze, disabled_metrics_disable_every_energy) {
  TraceBuilder b = simple_run();
  b.meta(meta::kConfig, {{"metrics", {{"enabled", false}}}});
  const Results r = analyze(b.trace());
  EXPECT_TRUE(r.energy_disabled);
  for (const Quantity& q : {r.measure.total.gross, r.unattributed, r.energy_per_output_token,
                            r.requests[0].energy, r.measure.components.at(Component::kCpu).gross}) {
    EXPECT_FALSE(q.known());
    EXPECT_EQ(q.source, Source::kDisabled);
  }
}

TEST(Analyze, without_an_idle_phase_there_is_gross_but_no_active_energy) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 9);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(0, 10, 0.1, [](double t) { return 100 * t; });
  b.request(2, 3);
  const Results r = analyze(b.trace());
  EXPECT_TRUE(r.measure.total.gross.known());
  EXPECT_FALSE(r.measure.total.active.known());
  EXPECT_THAT(r.measure.total.active.reason, HasSubstr("idle_s"));
  EXPECT_TRUE(r.requests[0].energy.known());
  EXPECT_FALSE(r.requests[0].active_energy.known());
}

TEST(Analyze, a_counter_is_preferred_to_integrated_power_and_both_to_an_estimate) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 9);
  b.domain(Component::kGpu, DomainKind::kEstimate);
  b.samples(0, 10, 0.1, [](double) { return 1; });
  b.domain(Component::kGpu, DomainKind::kGauge);
  b.samples(0, 10, 0.1, [](double) { return 101; });
  EXPECT_NEAR(*analyze(b.trace()).measure.components.at(Component::kGpu).gross.value, 808, 1e-6);
  b.domain(Component::kGpu, DomainKind::kCounter);
  b.samples(0, 10, 0.1, [](double t) { return 100 * t; });
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.measure.components.at(Component::kGpu).gross.value, 800, 1e-6);
  EXPECT_THAT(r.warnings, Not(Contains(HasSubstr("disagree")))) << "1 % apart";
}

TEST(Analyze, counter_and_power_that_disagree_are_reported) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 9);
  b.domain(Component::kGpu, DomainKind::kCounter).gain_uncertainty = 0.01;
  b.samples(0, 10, 0.1, [](double t) { return 100 * t; });
  b.domain(Component::kGpu, DomainKind::kGauge).gain_uncertainty = 0.01;
  b.samples(0, 10, 0.1, [](double) { return 105; });
  EXPECT_THAT(analyze(b.trace()).warnings, Contains(HasSubstr("disagree")));
}

TEST(Analyze, a_stuck_counter_gives_way_to_integrated_power) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 9);
  b.domain(Component::kGpu, DomainKind::kCounter);
  b.samples(0, 10, 0.1, [](double) { return 77; });
  b.domain(Component::kGpu, DomainKind::kGauge);
  b.samples(0, 10, 0.1, [](double) { return 100; });
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.measure.components.at(Component::kGpu).gross.value, 800, 1e-6);
  EXPECT_EQ(r.measure.components.at(Component::kGpu).gross.source, Source::kIntegratedPower);
  EXPECT_THAT(r.warnings, Contains(HasSubstr("stuck")));
}

TEST(Analyze, node_power_is_beside_the_total_and_checked_against_it) {
  TraceBuilder b = simple_run();
  b.domain(Component::kNode, DomainKind::kGauge);
  b.samples(0, 21, 0.1, [](double) { return 100; });
  const Results r = analyze(b.trace());
  EXPECT_NEAR(*r.measure.total.gross.value, 2550, 0.5);
  EXPECT_NEAR(*r.measure.components.at(Component::kNode).gross.value, 1000, 1e-6);
  EXPECT_THAT(r.warnings, Contains(HasSubstr("more than the node's")));
}

TEST(Analyze, a_domain_that_was_read_for_half_of_the_window_is_missing_not_half) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 20);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(0, 10, 0.1, [](double t) { return 100 * t; });
  const Results r = analyze(b.trace());
  const Quantity& cpu = r.measure.components.at(Component::kCpu).gross;
  EXPECT_FALSE(cpu.known());
  EXPECT_THAT(cpu.reason, HasSubstr("%"));
}

TEST(Analyze, counts_prompts_by_outcome_and_those_never_started) {
  TraceBuilder b = simple_run();
  b.request(19, 19.5).status = RequestStatus::kFailed;
  b.trace().requests.back().error_class = "timeout";
  RequestRecord& lost = b.request(19.6, 19.9);
  lost.status = RequestStatus::kLost;
  lost.done_ns = lost.last_token_ns = lost.first_token_ns = std::nullopt;
  b.meta(meta::kPlan, {{"dataset", {{"num_samples", 15}}}});
  const Results r = analyze(b.trace());
  EXPECT_EQ(r.total_prompts, 15);
  EXPECT_EQ(r.successful_prompts, 10);
  EXPECT_EQ(r.failed_prompts, 1);
  EXPECT_EQ(r.cancelled_prompts, 1);
  EXPECT_EQ(r.not_begun_prompts, 3) << "the plan has three more than the trace";
  EXPECT_THAT(r.warnings, Contains(HasSubstr("1 × timeout")));
}

TEST(Analyze, warm_up_requests_are_not_results) {
  TraceBuilder b = simple_run();
  b.phase(PhaseKind::kWarmup, 20.1, 20.9);
  b.request(20.2, 20.5);
  const Results r = analyze(b.trace());
  EXPECT_EQ(r.total_prompts, 10);
  EXPECT_EQ(r.protocol["warmups"], 1);
  EXPECT_TRUE(r.other_phases.count("warmup"));
}

TEST(Analyze, throughput_is_of_the_measured_time) {
  const Results r = analyze(simple_run().trace());
  EXPECT_DOUBLE_EQ(*r.throughput_prompts_per_s, 1);
  EXPECT_DOUBLE_EQ(*r.output_tokens_per_s, 10);
}

TEST(Analyze, gpu_state_comes_from_the_units_and_names_of_its_domains) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 1, 9);
  b.domain(Component::kGpu, DomainKind::kCounter, 3).note = "NVIDIA H100";
  b.samples(0, 10, 0.1, [](double t) { return 300 * t; });
  const auto state = [&b](const char* name, const char* unit, double outside, double inside) {
    Domain& d = b.domain(Component::kGpu, DomainKind::kGauge, 3);
    d.name = std::string("gpu3/") + name;
    d.unit = unit;
    b.samples(0, 10, 0.5, [&](double t) { return t > 1 && t < 9 ? inside : outside; });
  };
  state("utilization", "%", 0, 80);
  state("memory_used", "B", 99e9, 40e9);
  state("memory_total", "B", 80e9, 80e9);
  state("temperature", "degC", 20, 60);
  state("sm_clock", "MHz", 300, 1900);
  const Results r = analyze(b.trace());
  ASSERT_EQ(r.gpus.size(), 1U);
  const GpuStats& gpu = r.gpus[0];
  EXPECT_EQ(gpu.index, 3);
  EXPECT_EQ(gpu.name, "NVIDIA H100");
  EXPECT_NEAR(*gpu.energy.value, 2400, 1);
  EXPECT_NEAR(*gpu.mean_power_w, 300, 0.1);
  EXPECT_FALSE(gpu.max_power_w) << "nothing said it";
  EXPECT_NEAR(*gpu.mean_utilization_percent, 80, 6);
  EXPECT_DOUBLE_EQ(*gpu.total_memory_bytes, 80e9);
  EXPECT_DOUBLE_EQ(*gpu.max_temperature_c, 60);
  EXPECT_NEAR(*gpu.mean_sm_clock_mhz, 1900, 120);
}

TEST(Analyze, says_what_to_change_in_plain_words) {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 0, 4).phase(PhaseKind::kMeasure, 4, 6);
  b.domain(Component::kCpu, DomainKind::kCounter);
  b.samples(0, 7, 0.1, [](double t) { return t < 2 ? 50 * t : 100 + 100 * (t - 2); });
  b.request(4, 4.5);
  b.event(1, "throttle", {{"gpu", 0}, {"reasons", {"power cap"}}});
  b.event(1, "throttle", {{"gpu", 1}, {"reasons", {"thermal"}}});
  b.event(2, "throttle", {{"gpu", 1}, {"reasons", Json::array()}});
  b.event(5, "gpu_shared", {{"gpu", 0}, {"processes", {{{"pid", 7}, {"name", "blender"}}}}});
  b.event(1, "warning", {{"text", "something to know"}});
  CarbonFactor factor;
  factor.assumed = true;
  factor.country_iso_code = "USA";
  b.meta(meta::kCarbon, to_json(factor));
  const std::vector<std::string> w = analyze(b.trace()).warnings;
  EXPECT_THAT(w, Contains(HasSubstr("window is short")));
  EXPECT_THAT(w, Contains(HasSubstr("no location was given")));
  EXPECT_THAT(w, Contains(HasSubstr("no request was in flight")));
  EXPECT_THAT(w, Contains(HasSubstr("idle power")));
  EXPECT_THAT(w, Contains(HasSubstr("GPU 0 was throttled while measuring (power cap)")));
  EXPECT_THAT(w, Not(Contains(HasSubstr("GPU 1")))) << "it was over before";
  EXPECT_THAT(w, Contains(HasSubstr("blender (pid 7)")));
  EXPECT_THAT(w, Contains("something to know"));
}

TEST(Analyze, an_ordinary_run_has_no_warnings) {
  EXPECT_THAT(analyze(simple_run().trace()).warnings, IsEmpty());
}

TEST(Analyze, an_empty_trace_gives_empty_results) {
  const Results r = analyze(Trace{});
  EXPECT_EQ(r.total_prompts, 0);
  EXPECT_FALSE(r.measure.total.gross.known());
  EXPECT_FALSE(r.ttft_s);
}

TEST(Analyze, a_value_of_the_wrong_type_names_the_file_that_holds_it) {
  TraceBuilder b = simple_run();
  b.meta(meta::kConfig, {{"metrics", {{"enabled", "x"}}}});
  Trace trace = b.trace();
  EXPECT_THROW(analyze(trace), Json::exception) << "it was never in a file";
  trace.path = "runs/t.db";
  try {
    analyze(trace);
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("runs/t.db"));
  }
}

TEST(Analyze, identifies_the_run) {
  TraceBuilder b = simple_run();
  b.meta(meta::kRunId, "id").meta(meta::kName, "quickstart").meta(meta::kToolVersion, "1.2");
  b.meta(meta::kBackendInfo, {{"type", "pytorch"}, {"engine", "native"}, {"model", "m"}});
  const Results r = analyze(b.trace());
  EXPECT_EQ(r.run_id, "id");
  EXPECT_EQ(r.name, "quickstart");
  EXPECT_EQ(r.backend, "pytorch");
  EXPECT_EQ(r.engine, "native");
  EXPECT_EQ(r.model, "m");
  EXPECT_EQ(r.started_wall_ns, nanoseconds(1'700'000'000));
}

}  // namespace
}  // namespace aieb
