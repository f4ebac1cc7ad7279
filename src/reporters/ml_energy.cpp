#include "reporters/ml_energy.h"

#include <array>
#include <optional>

#include "core/clock.h"
#include "reporters/json_access.h"

namespace aieb {
namespace {

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::optional<double> gpu_energy_j(const Results& r) {
  const auto found = r.measure.components.find(Component::kGpu);
  return found == r.measure.components.end() ? std::nullopt : found->second.gross.value;
}

std::optional<double> gpu_energy_per_token_j(const Results& r) {
  const auto energy = gpu_energy_j(r);
  if (!energy || r.output_tokens.value_or(0) <= 0) return std::nullopt;
  return *energy / static_cast<double>(*r.output_tokens);
}

/// {"time", "gpu_energy": {index: J}, …}, as Zeus writes a window.
Json measurement(const Results& r) {
  Json gpus = Json::object();
  for (const GpuStats& gpu : r.gpus) {
    if (gpu.energy.known()) gpus[std::to_string(gpu.index)] = *gpu.energy.value;
  }
  return {{"time", r.measured_s},
          {"gpu_energy", gpus},
          {"cpu_energy", nullptr},
          {"dram_energy", nullptr}};
}

Json timeline(const Results& r) {
  const double origin_s = seconds(r.started_wall_ns);
  double start_s = origin_s;
  double end_s = origin_s + r.measured_s;
  for (const Json& phase : r.protocol.value("phases", Json::array())) {
    if (phase.value("kind", "") != to_string(PhaseKind::kMeasure)) continue;
    if (start_s == origin_s) start_s = origin_s + phase.value("start_s", 0.0);
    end_s = origin_s + phase.value("start_s", 0.0) + phase.value("duration_s", 0.0);
  }
  Json power = Json::object();
  for (const PowerSeries& series : r.power) {
    if (series.component != Component::kGpu) continue;
    Json& points = power[std::to_string(series.index)];
    for (size_t i = 0; i < series.t_s.size(); ++i) {
      points.push_back({origin_s + series.t_s[i], series.power_w[i]});
    }
  }
  return {{"benchmark_start_time", start_s},
          {"benchmark_end_time", end_s},
          {"steady_state_start_time", start_s},
          {"steady_state_end_time", end_s},
          {"power",
           {{"device_instant", power},
            {"device_average", Json::object()},
            {"memory_average", Json::object()}}},
          {"temperature", Json::object()}};
}

/// Gaps between the arrivals of tokens, in s. Tokens that came together count as one arrival.
Json token_gaps(const RequestRecord& record) {
  Json out = Json::array();
  for (size_t i = 1; i < record.token_times.size(); ++i) {
    out.push_back(seconds(record.token_times[i].t_ns - record.token_times[i - 1].t_ns));
  }
  return out;
}

Json request(const RequestResult& q, const std::optional<double>& per_token_j) {
  const RequestRecord& r = q.record;
  const bool both = per_token_j && r.output_tokens;
  return {{"prompt", nullptr},
          {"output_text", r.text},
          {"reasoning_output_text", nullptr},
          {"input_len", or_null(r.prompt_tokens)},
          {"output_len", or_null(r.output_tokens)},
          {"latency", or_null(q.latency_s)},
          {"ttft", or_null(q.ttft_s)},
          {"itl", token_gaps(r)},
          {"success", r.status == RequestStatus::kOk},
          {"error", r.error},
          {"energy",
           both ? Json(*per_token_j * static_cast<double>(*r.output_tokens)) : Json(nullptr)}};
}

void add_latencies(Json& out, const Results& r) {
  constexpr double kMs = 1e3;
  const std::pair<const char*, const std::optional<Distribution>*> rows[] = {
      {"ttft", &r.ttft_s}, {"tpot", &r.tpot_s}, {"itl", &r.itl_s}, {"e2el", &r.e2e_s}};
  for (const auto& [name, distribution] : rows) {
    if (!*distribution) continue;
    const Distribution& d = **distribution;
    const std::string key = "_" + std::string(name) + "_ms";
    const std::pair<const char*, double> values[] = {{"mean", d.mean}, {"median", d.p50},
                                                     {"std", d.std},   {"p90", d.p90},
                                                     {"p95", d.p95},   {"p99", d.p99}};
    for (const auto& [statistic, value] : values) out[statistic + key] = value * kMs;
  }
}

/// Most requests that may run together: the client's concurrency, or the batch.
Json max_num_seqs(const Results& r) {
  const Json concurrency = json_at(r.config, {"scenario", "load", "concurrency"});
  const Json batch = json_at(r.config, {"scenario", "batch_size"});
  if (concurrency.is_number() && concurrency > 1) return concurrency;
  return batch.is_number() ? batch : concurrency;
}

void add_totals(Json& out, const Results& r) {
  const auto energy = gpu_energy_j(r);
  const auto per_token = gpu_energy_per_token_j(r);
  const auto rate = [&r](const std::optional<int64_t>& n) {
    return n && r.measured_s > 0 ? Json(static_cast<double>(*n) / r.measured_s) : Json(nullptr);
  };
  const bool all = r.prompt_tokens && r.output_tokens;
  out.update(
      {{"duration", r.measured_s},
       {"completed", r.successful_prompts},
       {"steady_state_duration", r.measured_s},
       {"steady_state_energy", or_null(energy)},
       {"steady_state_energy_per_token", or_null(per_token)},
       {"total_input_tokens", or_null(r.prompt_tokens)},
       {"total_output_tokens", or_null(r.output_tokens)},
       {"request_throughput", or_null(r.throughput_prompts_per_s)},
       {"output_throughput", or_null(r.output_tokens_per_s)},
       {"total_token_throughput", all ? rate(*r.prompt_tokens + *r.output_tokens) : Json(nullptr)},
       {"steady_state_measurement", measurement(r)},
       {"entire_benchmark_measurement", measurement(r)}});
}

}  // namespace

std::string ml_energy_report(const Results& r) {
  const Json rate = json_at(r.config, {"scenario", "load", "request_rate"});
  Json out = {
      {"date", compact_utc(r.started_wall_ns)},
      {"model_id", r.model},
      {"gpu_model", r.gpus.empty() ? Json(nullptr) : Json(r.gpus.front().name)},
      {"num_gpus", r.gpus.size()},
      {"num_prompts", r.total_prompts},
      {"max_num_seqs", max_num_seqs(r)},
      {"seed", json_at(r.config, {"scenario", "seed"})},
      {"request_rate", rate.is_number() ? rate : Json("inf")},
      {"max_output_tokens", json_at(r.config, {"scenario", "generate_kwargs", "max_new_tokens"})}};
  add_totals(out, r);
  add_latencies(out, r);
  out["timeline"] = timeline(r);
  Json requests = Json::array();
  const auto per_token = gpu_energy_per_token_j(r);
  for (const RequestResult& q : r.requests) requests.push_back(request(q, per_token));
  out["results"] = std::move(requests);
  return json_document(out);
}

}  // namespace aieb
