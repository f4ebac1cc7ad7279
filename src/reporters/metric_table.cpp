#include "reporters/metric_table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "core/clock.h"
#include "reporters/interval_text.h"
#include "reporters/metric_values.h"
#include "reporters/text_format.h"

namespace aieb {
namespace {

using namespace metric_values;
using R = const Results&;
using enum MetricKind;

// clang-format off
constexpr std::array kMetrics = {
    // The reference's columns, in its order.
    Metric{"timestamp", "timestamp", "started", "", kText, true,
           "Local time at which the run began, ISO 8601",
           [](R r) -> MetricValue { return iso_local(r.started_wall_ns); }},
    Metric{"name", "name", "name", "", kText, true, "`name` of the configuration",
           [](R r) -> MetricValue { return r.name; }},
    Metric{"backend", "backend", "backend", "", kText, true, "`backend.type`",
           [](R r) -> MetricValue { return r.backend; }},
    Metric{"model", "model", "model", "", kText, true, "Model as configured",
           [](R r) -> MetricValue { return r.model; }},
    Metric{"total_prompts", "total_prompts", "prompts", "", kCount, true,
           "Prompts that were to be answered",
           [](R r) -> MetricValue { return r.total_prompts; }},
    Metric{"successful_prompts", "successful_prompts", "prompts answered", "", kCount, true,
           "Prompts that were answered",
           [](R r) -> MetricValue { return r.successful_prompts; }},
    Metric{"failed_prompts", "failed_prompts", "prompts failed", "", kCount, true,
           "Prompts that ended in an error",
           [](R r) -> MetricValue { return r.failed_prompts; }},
    Metric{"total_energy_wh", "energy_wh", "energy", "Wh", kQuantity, true,
           "Energy used while measuring: gpu + cpu + dram, as far as known (see `energy_complete`)",
           [](R r) -> MetricValue { return in_wh(r.measure.total.gross); }},
    Metric{"total_emissions_g_co2eq", "emissions_g_co2eq", "emissions", "g CO2e", kQuantity, true,
           "Emissions of that energy at the location's carbon intensity, PUE applied",
           [](R r) -> MetricValue { return r.emissions; }},
    Metric{"avg_latency_s", "avg_latency_s", "mean latency", "s", kNumber, true,
           "Mean time from sending a prompt to its last token",
           [](R r) -> MetricValue { return known(r.avg_latency_s); }},
    Metric{"throughput_prompts_per_sec", "throughput_prompts_per_sec", "prompt rate", "1/s",
           kNumber, true, "Answered prompts per second of measuring",
           [](R r) -> MetricValue { return known(r.throughput_prompts_per_s); }},

    // Energy by component and use.
    Metric{"gpu_energy_wh", "gpu_energy_wh", "gpu energy", "Wh", kQuantity, false,
           "Energy of the GPUs while measuring",
           [](R r) -> MetricValue { return component_wh(r, Component::kGpu); }},
    Metric{"cpu_energy_wh", "cpu_energy_wh", "cpu energy", "Wh", kQuantity, false,
           "Energy of the CPU packages while measuring",
           [](R r) -> MetricValue { return component_wh(r, Component::kCpu); }},
    Metric{"ram_energy_wh", "ram_energy_wh", "ram energy", "Wh", kQuantity, false,
           "Energy of the memory while measuring",
           [](R r) -> MetricValue { return component_wh(r, Component::kDram); }},
    Metric{"node_energy_wh", "node_energy_wh", "node energy, beside the total", "Wh", kQuantity, false,
           "Energy at the wall or BMC while measuring; beside the total, never part of it",
           [](R r) -> MetricValue { return component_wh(r, Component::kNode); }},
    Metric{"disk_energy_wh", "disk_energy_wh", "disk energy, beside the total", "Wh", kQuantity, false,
           "Energy of the disks while measuring; beside the total, never part of it",
           [](R r) -> MetricValue { return component_wh(r, Component::kDisk); }},
    Metric{"network_energy_wh", "network_energy_wh", "network energy, beside the total", "Wh", kQuantity, false,
           "Energy of the machine's network ports while measuring; beside the total, never part of it",
           [](R r) -> MetricValue { return component_wh(r, Component::kNetwork); }},
    Metric{"active_energy_wh", "active_energy_wh", "active energy", "Wh", kQuantity, false,
           "Energy above idle: total − idle power × duration",
           [](R r) -> MetricValue { return in_wh(r.measure.total.active); }},
    Metric{"idle_share_energy_wh", "idle_share_energy_wh", "idle share", "Wh", kQuantity, false,
           "Energy that idling would have used in the same time",
           [](R r) -> MetricValue { return in_wh(r.measure.total.idle_share); }},
    Metric{"unattributed_energy_wh", "unattributed_energy_wh", "unattributed", "Wh", kQuantity,
           false, "Part of the total that no request owns: nothing was in flight",
           [](R r) -> MetricValue { return in_wh(r.unattributed); }},
    Metric{"preprocess_energy_wh", "preprocess_energy_wh", "preprocessing", "Wh", kQuantity, false,
           "Part of the unattributed energy: prompts were formatted and tokenised; absent where a server does that",
           [](R r) -> MetricValue { return in_wh(r.preprocessing); }},
    Metric{"before_first_token_energy_wh", "before_first_token_energy_wh",
           "before the first token", "Wh", kQuantity, false,
           "Energy of the requests until their first token: waiting and prefill",
           [](R r) -> MetricValue { return in_wh(r.before_first_token); }},
    Metric{"after_first_token_energy_wh", "after_first_token_energy_wh", "after the first token",
           "Wh", kQuantity, false, "Energy of the requests from their first token on: decode",
           [](R r) -> MetricValue { return in_wh(r.after_first_token); }},
    Metric{"prefill_energy_per_prompt_token_j", "prefill_energy_per_prompt_token_j",
           "prefill per prompt token", "J", kQuantity, false,
           "Energy before the first token over prompt tokens",
           [](R r) -> MetricValue { return r.prefill_per_prompt_token; }},
    Metric{"decode_energy_per_output_token_j", "decode_energy_per_output_token_j",
           "decode per output token", "J", kQuantity, false,
           "Energy after the first token over output tokens",
           [](R r) -> MetricValue { return r.decode_per_output_token; }},
    Metric{"energy_complete", "energy_complete", "energy complete", "", kFlag, false,
           "Whether every component of the total is known",
           [](R r) -> MetricValue { return r.measure.complete; }},
    Metric{"energy_missing", "energy_missing", "energy missing", "", kText, false,
           "Components that the total lacks, separated by `; `",
           [](R r) -> MetricValue { return joined(r.measure.missing, "; "); }},
    Metric{"energy_per_output_token_j", "energy_per_output_token_j", "energy per output token",
           "J", kQuantity, false, "Total energy over output tokens",
           [](R r) -> MetricValue { return r.energy_per_output_token; }},
    Metric{"energy_per_request_j", "energy_per_request_j", "energy per prompt", "J", kQuantity,
           false, "Total energy over answered prompts",
           [](R r) -> MetricValue { return r.energy_per_request; }},
    Metric{"mean_power_w", "mean_power_w", "mean power", "W", kQuantity, false,
           "Total energy over the measured duration", mean_power_w},
    Metric{"idle_power_w", "idle_power_w", "idle power", "W", kQuantity, false,
           "Mean power of the idle phase before the run, model loaded",
           [](R r) -> MetricValue { return r.measure.total.baseline; }},
    Metric{"water_l", "water_l", "water", "L", kQuantity, false,
           "Water: WUE × total energy",
           [](R r) -> MetricValue { return r.water; }},
    Metric{"carbon_intensity_g_per_kwh", "carbon_intensity_g_per_kwh", "carbon intensity",
           "g CO2e/kWh", kNumber, false, "Carbon intensity of the grid that was applied",
           carbon_intensity},
    Metric{"carbon_intensity_uncertainty_g_per_kwh", "carbon_intensity_uncertainty_g_per_kwh",
           "carbon intensity, ±", "g CO2e/kWh", kNumber, false,
           "Its expanded uncertainty (k = 2); absent where none is stated",
           carbon_intensity_uncertainty},
    Metric{"carbon_source", "carbon_source", "carbon source", "", kText, false,
           "Where the carbon intensity comes from", carbon_source},
    Metric{"embodied_emissions_g_co2eq", "embodied_emissions_g_co2eq", "embodied emissions",
           "g CO2e", kQuantity, false,
           "Emissions of making the devices of `metrics.embodied`, as far as the measured time uses "
           "up their lives; beside the emissions, never part of them",
           [](R r) -> MetricValue { return r.embodied; }},
    Metric{"carbon_location", "carbon_location", "location", "", kText, false,
           "Country (ISO 3166-1 alpha-3), and region after a slash", location},
    Metric{"carbon_location_assumed", "carbon_location_assumed", "location assumed", "", kFlag,
           false, "True when the user named no location and the default was taken",
           location_assumed},
    Metric{"pue", "pue", "PUE", "", kNumber, false,
           "Power usage effectiveness of the data centre that was applied", pue},

    // Money, in the currency of `metrics.price.currency`.
    Metric{"energy_cost", "energy_cost", "energy cost", "", kQuantity, false,
           "Total energy, PUE applied, at `metrics.price.per_kwh`",
           [](R r) -> MetricValue { return r.cost.energy; }},
    Metric{"gpu_time_cost", "gpu_time_cost", "GPU time cost", "", kQuantity, false,
           "Measured hours of all GPUs at `metrics.price.per_gpu_hour`",
           [](R r) -> MetricValue { return r.cost.gpu_time; }},
    Metric{"total_cost", "total_cost", "cost", "", kQuantity, false,
           "Energy and GPU time, as far as a price is set",
           [](R r) -> MetricValue { return r.cost.total; }},
    Metric{"cost_per_1000_prompts", "cost_per_1000_prompts", "cost per 1,000 prompts", "",
           kQuantity, false, "Cost over answered prompts, times 1,000",
           [](R r) -> MetricValue { return r.cost.per_1000_prompts; }},
    Metric{"currency", "currency", "currency", "", kText, false,
           "`metrics.price.currency`",
           [](R r) -> MetricValue { return r.cost.total.unit; }},

    // Work and its speed.
    Metric{"cancelled_prompts", "cancelled_prompts", "prompts cancelled", "", kCount, false,
           "Prompts left unfinished when the run was stopped",
           [](R r) -> MetricValue { return r.cancelled_prompts; }},
    Metric{"not_begun_prompts", "not_begun_prompts", "prompts not begun", "", kCount, false,
           "Planned prompts that were not begun before the run was stopped",
           [](R r) -> MetricValue { return r.not_begun_prompts; }},
    Metric{"prompt_tokens", "prompt_tokens", "prompt tokens", "", kCount, false,
           "Tokens of the answered prompts",
           [](R r) -> MetricValue { return known(r.prompt_tokens); }},
    Metric{"output_tokens", "output_tokens", "output tokens", "", kCount, false,
           "Tokens of the answers",
           [](R r) -> MetricValue { return known(r.output_tokens); }},
    Metric{"measured_s", "measured_s", "measured", "s", kNumber, false,
           "Duration of the measure phases",
           [](R r) -> MetricValue { return r.measured_s; }},
    Metric{"output_tokens_per_s", "output_tokens_per_s", "speed", "tokens/s", kNumber, false,
           "Output tokens over the measured duration",
           [](R r) -> MetricValue { return known(r.output_tokens_per_s); }},
    Metric{"decode_tokens_per_s", "decode_tokens_per_s", "decode speed", "tokens/s", kNumber,
           false, "1 over the mean time per output token",
           [](R r) -> MetricValue { return known(r.decode_tokens_per_s); }},
    Metric{"ttft_s", "ttft_s", "TTFT", "s", kDistribution, false,
           "Time to first token: first token − sent",
           [](R r) -> MetricValue { return known(r.ttft_s); }},
    Metric{"tpot_s", "tpot_s", "TPOT", "s", kDistribution, false,
           "Time per output token: (last − first token) / (output tokens − 1), one value a prompt",
           [](R r) -> MetricValue { return known(r.tpot_s); }},
    Metric{"ttfa_s", "ttfa_s", "TTFA", "s", kDistribution, false,
           "Time to first answer token: first token after reasoning − sent, of prompts that reasoned",
           [](R r) -> MetricValue { return known(r.ttfa_s); }},
    Metric{"itl_s", "itl_s", "ITL", "s", kDistribution, false,
           "Inter-token latency: every gap between arrivals of tokens",
           [](R r) -> MetricValue { return known(r.itl_s); }},
    Metric{"icl_s", "icl_s", "ICL", "s", kDistribution, false,
           "Inter-chunk latency: every gap between arrivals, whatever number of tokens they bring",
           [](R r) -> MetricValue { return known(r.icl_s); }},
    Metric{"tokens_per_chunk", "tokens_per_chunk", "tokens per chunk", "", kNumber, false,
           "Mean number of tokens of an arrival",
           [](R r) -> MetricValue { return known(r.tokens_per_chunk); }},
    Metric{"e2e_s", "e2e_s", "latency", "s", kDistribution, false,
           "End-to-end latency: last token − sent",
           [](R r) -> MetricValue { return known(r.e2e_s); }},

    Metric{"send_lag_s", "send_lag_s", "send lag", "s", kDistribution, false,
           "Sent − intended start, of requests with a planned time",
           [](R r) -> MetricValue { return known(r.send_lag_s); }},
    Metric{"ttft_from_planned_s", "ttft_from_planned_s", "TTFT from plan", "s", kDistribution,
           false, "First token − intended start: no coordinated omission",
           [](R r) -> MetricValue { return known(r.ttft_from_planned_s); }},
    Metric{"e2e_from_planned_s", "e2e_from_planned_s", "latency from plan", "s", kDistribution,
           false, "Last token − intended start: no coordinated omission",
           [](R r) -> MetricValue { return known(r.e2e_from_planned_s); }},
    Metric{"goodput_fraction", "goodput_fraction", "goodput", "", kNumber, false,
           "Share of answered and failed prompts that kept every limit of `scenario.slo`",
           goodput_fraction},
    Metric{"goodput_requests_per_s", "goodput_requests_per_s", "goodput rate", "1/s", kNumber,
           false, "Prompts that kept every limit, per second of measuring",
           goodput_requests_per_s},
    Metric{"steady_s", "steady_s", "steady state", "s", kNumber, false,
           "Duration of the load at full strength, without ramp and drain", steady_s},
    Metric{"steady_output_tokens_per_s", "steady_output_tokens_per_s", "steady speed", "tokens/s",
           kNumber, false, "Output tokens that arrived in the steady state over its duration",
           steady_output_tokens_per_s},
    Metric{"steady_energy_per_output_token_j", "steady_energy_per_output_token_j",
           "steady energy per token", "J", kQuantity, false,
           "Energy of the steady state over the output tokens that arrived in it",
           steady_energy_per_token},
    Metric{"client_cpu_cores", "client_cpu_cores", "client CPU", "cores", kNumber, false,
           "CPU time of the client over the measured time", client_cpu},
    Metric{"client_energy_wh", "client_energy_wh", "client energy", "Wh", kQuantity, false,
           "Estimated: CPU time of the client × power of a busy thread; beside the total",
           client_energy},
    Metric{"client_ttft_error_s", "client_ttft_error_s", "client's TTFT error", "s", kNumber, false,
           "Mean of what the client added to a TTFT when it measured itself before the run",
           calibrated<&Calibration::ttft_error_mean_s>},
    Metric{"client_ttft_error_p99_s", "client_ttft_error_p99_s", "client's TTFT error p99", "s",
           kNumber, false, "Its 99th percentile", calibrated<&Calibration::ttft_error_p99_s>},
    Metric{"client_itl_std_s", "client_itl_std_s", "client's ITL spread", "s", kNumber, false,
           "Standard deviation that the client measured of a constant token interval",
           calibrated<&Calibration::itl_std_s>},
    Metric{"client_send_lag_p99_s", "client_send_lag_p99_s", "client's send lag p99", "s", kNumber,
           false, "Of the calibration of an open loop", calibrated<&Calibration::send_lag_p99_s>},

    // What the whole machine moved; docs/meters.md, "What the machine moved".
    Metric{"network_received_bytes", "network_received_bytes", "network received", "B", kNumber, false, "Bytes that the machine received over its network while measuring",
           moved<&HostActivity::network_received_bytes>},
    Metric{"network_sent_bytes", "network_sent_bytes", "network sent", "B", kNumber, false, "Bytes that the machine sent over its network while measuring",
           moved<&HostActivity::network_sent_bytes>},
    Metric{"disk_read_bytes", "disk_read_bytes", "disk read", "B", kNumber, false, "Bytes that the machine read from its disks while measuring",
           moved<&HostActivity::disk_read_bytes>},
    Metric{"disk_written_bytes", "disk_written_bytes", "disk written", "B", kNumber, false, "Bytes that the machine wrote to its disks while measuring",
           moved<&HostActivity::disk_written_bytes>},
    Metric{"memory_bytes", "memory_bytes", "memory traffic", "B", kNumber, false, "Bytes to and from the machine's memory while measuring",
           moved<&HostActivity::memory_bytes>},
    Metric{"memory_bandwidth_bytes_per_s", "memory_bandwidth_bytes_per_s", "memory bandwidth",
           "B/s", kNumber, false, "Memory traffic over the measured time", memory_bandwidth},

    // How well it is known: half widths of 95 % intervals, from repeats or (rates and latencies of
    // a single one) batches of requests.
    Metric{"protocol", "protocol", "protocol", "", kText, false,
           "Measurement protocol by name (`metrics.protocol`)", protocol_name},
    Metric{"repeats", "repeats", "repeats", "", kCount, false, "Measure phases of the run",
           [](R r) -> MetricValue { return static_cast<int64_t>(r.repeats.size()); }},
    Metric{"flagged_repeats", "flagged_repeats", "repeats flagged", "", kCount, false,
           "Repeats that are outliers, throttled, too short, began warm or unstable, or failed",
           [](R r) -> MetricValue { return flagged_repeats(r); }},
    Metric{"energy_per_output_token_ci95_j", "energy_per_output_token_ci95_j",
           "energy per output token, ±", "J", kNumber, false,
           "Half width over repeats; the sensors' gain is not part of it",
           [](R r) -> MetricValue { return half_width(r, "energy_per_output_token_j"); }},
    Metric{"energy_per_request_ci95_j", "energy_per_request_ci95_j", "energy per prompt, ±", "J",
           kNumber, false, "Half width over repeats; the sensors' gain is not part of it",
           [](R r) -> MetricValue { return half_width(r, "energy_per_request_j"); }},
    Metric{"output_tokens_per_s_ci95", "output_tokens_per_s_ci95", "speed, ±", "tokens/s",
           kNumber, false, "Half width of the speed",
           [](R r) -> MetricValue { return half_width(r, "output_tokens_per_s"); }},
    Metric{"throughput_prompts_per_sec_ci95", "throughput_prompts_per_sec_ci95",
           "prompt rate, ±", "1/s", kNumber, false, "Half width of the prompt rate",
           [](R r) -> MetricValue { return half_width(r, "throughput_prompts_per_sec"); }},
    Metric{"ttft_mean_ci95_s", "ttft_mean_ci95_s", "mean TTFT, ±", "s", kNumber, false,
           "Half width of the mean time to first token",
           [](R r) -> MetricValue { return half_width(r, "ttft_s"); }},
    Metric{"tpot_mean_ci95_s", "tpot_mean_ci95_s", "mean TPOT, ±", "s", kNumber, false,
           "Half width of the mean time per output token",
           [](R r) -> MetricValue { return half_width(r, "tpot_s"); }},
    Metric{"avg_latency_ci95_s", "avg_latency_ci95_s", "mean latency, ±", "s", kNumber, false,
           "Half width of the mean latency",
           [](R r) -> MetricValue { return half_width(r, "e2e_s"); }},

    // Origin.
    Metric{"engine", "engine", "engine", "", kText, false, "What answered: native, server, …",
           [](R r) -> MetricValue { return r.engine; }},
    Metric{"run_id", "run_id", "run", "", kText, false, "Name of the run and of its trace",
           [](R r) -> MetricValue { return r.run_id; }},
    Metric{"tool_version", "tool_version", "aieb version", "", kText, false,
           "Version of aieb that recorded the run",
           [](R r) -> MetricValue { return r.tool_version; }},
};

constexpr std::array kStatistics = {
    Statistic{"mean", [](const Distribution& d) { return d.mean; }},
    Statistic{"std", [](const Distribution& d) { return d.std; }},
    Statistic{"min", [](const Distribution& d) { return d.min; }},
    Statistic{"p50", [](const Distribution& d) { return d.p50; }},
    Statistic{"p90", [](const Distribution& d) { return d.p90; }},
    Statistic{"p95", [](const Distribution& d) { return d.p95; }},
    Statistic{"p99", [](const Distribution& d) { return d.p99; }},
    Statistic{"p999", [](const Distribution& d) { return d.p999; }},
    Statistic{"max", [](const Distribution& d) { return d.max; }},
};
// clang-format on

}  // namespace

std::span<const Metric> metric_table() { return kMetrics; }
std::span<const Statistic> statistics() { return kStatistics; }

namespace {

std::vector<Field> quantity_fields(const std::string& name, const Quantity* q) {
  const bool known = q && q->known();
  return {{name, known ? Json(*q->value) : Json(nullptr)},
          {name + "_uncertainty", known ? Json(q->uncertainty()) : Json(nullptr)},
          {name + "_source", q ? Json(to_string(q->source)) : Json(nullptr)}};
}

std::vector<Field> distribution_fields(const std::string& name, const Distribution* d) {
  std::vector<Field> out;
  for (const Statistic& s : statistics()) {
    out.push_back({name + "_" + std::string(s.name), d ? Json(s.get(*d)) : Json(nullptr)});
  }
  return out;
}

struct ToScalar {
  Json operator()(const Quantity&) const { return nullptr; }
  Json operator()(const Distribution&) const { return nullptr; }
  Json operator()(std::monostate) const { return nullptr; }
  template <typename T>
  Json operator()(const T& value) const {
    return value;
  }
};

}  // namespace

std::vector<Field> fields(const Metric& metric, std::string_view name, const Results& results) {
  const MetricValue value = metric.get(results);
  const std::string n(name);
  switch (metric.kind) {
    case MetricKind::kQuantity:
      return quantity_fields(n, std::get_if<Quantity>(&value));
    case MetricKind::kDistribution:
      return distribution_fields(n, std::get_if<Distribution>(&value));
    default:
      return {{n, std::visit(ToScalar{}, value)}};
  }
}

const Metric& metric(std::string_view key) {
  const auto found = std::ranges::find(kMetrics, key, &Metric::key);
  if (found == kMetrics.end()) throw std::out_of_range("no metric named " + std::string(key));
  return *found;
}

}  // namespace aieb
