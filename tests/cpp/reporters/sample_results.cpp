#include "reporters/sample_results.h"

#include <cstdlib>

namespace aieb::testing {
namespace {

Quantity joules(double value, double systematic, double random, Source source) {
  return {value, systematic, random, "J", source, ""};
}

/// 10 s with an idle power of `idle_w`.
ComponentEnergy energy(const Quantity& gross, double idle_w) {
  Quantity baseline = joules(idle_w, 0.02 * idle_w, 0.01 * idle_w, gross.source).scaled(1, "W");
  const Quantity share = baseline.scaled(10, "J");
  Quantity active = gross;
  *active.value -= *share.value;
  return {gross, share, active, baseline};
}

WindowEnergy measured_window() {
  WindowEnergy w;
  w.duration_s = 10;
  w.components[Component::kGpu] = energy(joules(3600, 180, 12, Source::kMeasuredCounter), 90);
  w.components[Component::kCpu] = energy(joules(720, 15, 2, Source::kMeasuredCounter), 40);
  w.components[Component::kDram] = energy(joules(90, 45, 0, Source::kEstimated), 9);
  w.domains["nvml/gpu-0"] = w.components[Component::kGpu];
  w.domains["rapl/package-0"] = w.components[Component::kCpu];
  w.domains["estimate/ram"] = w.components[Component::kDram];
  w.total = energy(joules(4410, 186.2, 12.2, Source::kPartial), 139);
  w.complete = true;
  return w;
}

RequestResult answered(int index, double energy_j) {
  RequestResult r;
  r.record.id = index;
  r.record.prompt_index = index;
  r.record.status = RequestStatus::kOk;
  r.record.prompt_tokens = 31;
  r.record.output_tokens = 64;
  r.record.finish_reason = "length";
  r.record.text = "Réponse \"" + std::to_string(index) + "\",\nline two";
  r.record.extra = {{"token_ids", {1, 2, 3}}};
  r.start_s = 2.0 + index;
  r.ttft_s = 0.045;
  r.ttfa_s = 0.31;
  r.tpot_s = 0.012;
  r.latency_s = 0.801;
  r.latency_from_planned_s = 0.802;
  r.energy = joules(energy_j, 80, 5, Source::kPartial);
  r.active_energy = joules(energy_j - 600, 80, 6, Source::kPartial);
  return r;
}

RequestResult failed(int index) {
  RequestResult r;
  r.record.id = index;
  r.record.prompt_index = index;
  r.record.status = RequestStatus::kFailed;
  r.record.error_class = "timeout";
  r.record.error = "no token within 300 s";
  r.energy = joules(300, 15, 3, Source::kPartial);
  r.active_energy = joules(100, 15, 3, Source::kPartial);
  return r;
}

Distribution distribution(double p50) {
  return {.count = 2,
          .mean = p50 * 1.01,
          .std = p50 * 0.1,
          .min = p50 * 0.9,
          .p50 = p50,
          .p90 = p50 * 1.1,
          .p95 = p50 * 1.2,
          .p99 = p50 * 1.3,
          .p999 = p50 * 1.4,
          .max = p50 * 1.5};
}

CarbonFactor france() {
  CarbonFactor c;
  c.g_per_kwh = 56.0;
  c.uncertainty_g_per_kwh = 5.6;
  c.country_iso_code = "FRA";
  c.country_name = "France";
  c.year = 2023;
  c.source = "a table";
  c.licence = "CC BY 4.0";
  c.pue = 1.2;
  c.wue_l_per_kwh = 1.8;
  return c;
}

GpuStats gpu() {
  GpuStats g;
  g.index = 0;
  g.name = "NVIDIA H100 80GB HBM3";
  g.energy = joules(3600, 180, 12, Source::kMeasuredCounter);
  g.mean_power_w = 360;
  g.max_power_w = 612.5;
  g.mean_utilization_percent = 87.5;
  g.max_memory_used_bytes = 20.0 * 1024 * 1024 * 1024;
  g.total_memory_bytes = 80.0 * 1024 * 1024 * 1024;
  g.mean_temperature_c = 55;
  g.max_temperature_c = 61;
  g.mean_memory_power_w = 44.25;
  g.power_limit_w = 700;
  g.throttled_by = "power_cap";
  return g;  // the clock was not readable
}

void set_identity(Results& r) {
  setenv("TZ", "UTC", 1);
  r.run_id = "20260131T123456Z-sample-0a1b2c";
  r.name = "sample";
  r.backend = "pytorch";
  r.engine = "native";
  r.model = "HuggingFaceTB/SmolLM2-135M-Instruct";
  r.tool_version = "1.1.0";
  r.started_wall_ns = 1769862896LL * 1'000'000'000;
  r.total_prompts = 3;
  r.measured_s = 10;
}

void set_energy(Results& r) {
  r.measure = measured_window();
  r.other_phases["idle"] = measured_window();
  r.unattributed = joules(110, 5, 1, Source::kPartial);
  r.preprocessing = joules(43, 2, 4, Source::kPartial);
  r.before_first_token = joules(400, 18, 3, Source::kPartial);
  r.after_first_token = joules(3900, 165, 9, Source::kPartial);
  r.prefill_per_prompt_token = joules(3.2, 0.14, 0.02, Source::kPartial);
  r.decode_per_output_token = joules(30.5, 1.3, 0.1, Source::kPartial);
  r.division = {"regression", "", joules(1.9, 0, 0.3, Source::kIntegratedPower),
                joules(24, 0, 1.2, Source::kIntegratedPower)};
  const Quantity energy_cost = joules(4410, 186.2, 12.2, Source::kPartial).scaled(1e-7, "EUR");
  Quantity total_cost = energy_cost;
  *total_cost.value += 0.00694;
  r.cost = {energy_cost,
            {0.00694, 0, 0, "EUR", Source::kMeasuredCounter, ""},
            total_cost,
            total_cost.scaled(1e3 / 2, "EUR")};
  r.power = {{"nvml/gpu-0", Component::kGpu, 0, "counter", {0.5, 1.5, 12.25}, {90, 610.5, 95}},
             {"estimate/ram", Component::kDram, 0, "estimate", {0.5, 12.25}, {9, 9}}};
  r.energy_per_output_token = joules(34.45, 1.45, 0.1, Source::kPartial);
  r.energy_per_request = joules(2205, 93.1, 6.1, Source::kPartial);
  r.emissions = {0.08232, 0.0089, 0.0002, "gCO2e", Source::kPartial, ""};
  r.water = {0.002646, 0.0001, 0.00001, "L", Source::kPartial, ""};
  r.embodied = {0.026, 0.0104, 0, "g", Source::kEstimated, ""};
  r.embodied_parts = {{{"gpu", 2, 4.68, 40, "a vendor's footprint"}, r.embodied}};
  r.carbon = france();
}

/// What a load against a server adds.
void set_load(Results& r) {
  r.send_lag_s = distribution(0.0001);
  r.ttft_from_planned_s = distribution(0.0451);
  r.e2e_from_planned_s = distribution(0.8011);
  r.goodput = Goodput{3, 2, 2.0 / 3, 0.2, {{"ttft_ms", 0}, {"energy_j", 1}}};
  SteadyState steady;
  steady.limit = 2;
  steady.duration_s = 8;
  steady.requests = 1;
  steady.output_tokens = 100;
  steady.output_tokens_per_s = 12.5;
  steady.ttft_s = distribution(0.045);
  steady.tpot_s = distribution(0.012);
  steady.e2e_s = distribution(0.801);
  steady.ramp = steady.energy = steady.drain = measured_window();
  steady.energy_per_output_token = joules(30, 1.2, 0.1, Source::kPartial);
  r.steady_state = steady;
}

}  // namespace

Results sample_results() {
  Results r;
  set_identity(r);
  set_energy(r);
  r.successful_prompts = 2;
  r.failed_prompts = 1;
  r.prompt_tokens = 62;
  r.output_tokens = 128;
  r.avg_latency_s = 0.801;
  r.throughput_prompts_per_s = 0.2;
  r.output_tokens_per_s = 12.8;
  r.decode_tokens_per_s = 83.3;
  r.ttft_s = distribution(0.045);
  r.tpot_s = distribution(0.012);
  r.itl_s = distribution(0.0119);
  r.ttfa_s = distribution(0.31);
  r.icl_s = distribution(0.0179);
  r.tokens_per_chunk = 1.5;
  r.e2e_s = distribution(0.801);
  set_load(r);
  Calibration own;
  own.mode = "poisson";
  own.request_rate = 50;
  own.measured_s = 1.5;
  own.requests = 75;
  own.requests_per_s = 50;
  own.tokens_per_s = 800;
  own.ttft_error_mean_s = 0.0003;
  own.ttft_error_p99_s = 0.0011;
  own.itl_s = 0.01;
  own.itl_std_s = 0.0002;
  own.send_lag_p99_s = 0.00015;
  own.sending_busy = 0.04;
  own.server_late_mean_s = 0.0001;
  r.client = ClientLoad{.cpu_cores = 0.07,
                        .sending_busy = 0.05,
                        .energy = joules(2.8, 4.2, 0, Source::kEstimated),
                        .connections_opened = 8,
                        .reads_stamped_by_kernel = 0.998,
                        .calibration = own,
                        .limits = {}};
  r.histograms["ttft_s"] = {{0.0405, 0.045, 0.0675}, {1, 1}};
  r.gpus = {gpu()};
  r.activity.network_received_bytes = 1048576;
  r.activity.network_sent_bytes = 0;
  r.activity.disk_read_bytes = 270336;
  r.activity.disk_written_bytes = 8192;
  r.activity.memory_bytes = 6.4e11;
  r.other_activity["idle"].disk_read_bytes = 4096;
  r.requests = {answered(0, 2000), answered(1, 2000), failed(2)};
  r.warnings = {
      "The measured window (10 s) is shorter than 20 periods of the slowest sensor; raise "
      "scenario.num_samples for a smaller uncertainty."};
  r.config = {{"name", "sample"}, {"metrics", {{"project_name", "ai_energy_benchmarks"}}}};
  r.environment = {{"kernel", "Linux-6.1.0-x86_64"},
                   {"cpu_model", "AMD EPYC 9654"},
                   {"cpu_count", 192},
                   {"ram_total_bytes", 128LL * 1024 * 1024 * 1024}};
  r.backend_info = {{"type", "pytorch"}, {"engine", "native"}, {"device", "cuda:0"}};
  r.protocol = {{"warmups", 1}, {"repeats", 1}, {"phases", Json::array()}};
  r.files = {{"csv", "results/sample.csv"}, {"trace", "benchmark_output/runs/sample.db"}};
  return r;
}

Results bare_results() {
  Results r;
  set_identity(r);
  r.failed_prompts = 3;
  const std::string why = "RAPL is readable by root only";
  r.measure.duration_s = 10;
  r.measure.missing = {"cpu", "dram"};
  r.measure.components[Component::kCpu].gross = Quantity::missing("J", why);
  for (Quantity* q :
       {&r.measure.total.gross, &r.measure.total.active, &r.measure.total.idle_share,
        &r.unattributed, &r.preprocessing, &r.before_first_token, &r.after_first_token,
        &r.prefill_per_prompt_token, &r.decode_per_output_token, &r.energy_per_output_token,
        &r.energy_per_request, &r.division.per_prompt_token, &r.division.per_output_token}) {
    *q = Quantity::missing("J", why);
  }
  r.measure.total.baseline = Quantity::missing("W", why);
  r.emissions = Quantity::missing("gCO2e", why);
  r.water = Quantity::missing("L", why);
  r.embodied = Quantity::missing("g", "not asked for (metrics.embodied)");
  r.activity_missing["memory"] = "perf event of the memory controllers: Permission denied";
  return r;
}

}  // namespace aieb::testing
