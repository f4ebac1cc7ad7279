#include "reporters/results_json.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "reporters/activity_json.h"
#include "reporters/cost_json.h"
#include "reporters/energy_json.h"
#include "reporters/gpu_stats.h"
#include "reporters/load_json.h"
#include "reporters/metric_table.h"
#include "reporters/metric_values.h"
#include "reporters/repeats_json.h"
#include "reporters/series_json.h"
#include "reporters/server_report.h"

namespace aieb {
namespace {

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json wh_or_null(const Quantity& energy, double joules) {
  return energy.known() ? Json(joules / kJoulesPerWh) : Json(nullptr);
}

Json summary_json(const Results& results) {
  Json out;
  for (const Metric& metric : metric_table()) {
    if (metric.kind == MetricKind::kDistribution) {
      const MetricValue value = metric.get(results);
      const auto* found = std::get_if<Distribution>(&value);
      out[std::string(metric.key)] =
          distribution_to_json(found ? std::optional(*found) : std::nullopt);
      continue;
    }
    for (Field& field : fields(metric, metric.key, results)) {
      out[field.name] = std::move(field.value);
    }
  }
  return out;
}

/// Gross energy of every component, present or not, and the total.
Json energy_json(const Results& results) {
  Json out;
  for (const Component c : {Component::kGpu, Component::kCpu, Component::kDram, Component::kNode,
                            Component::kDisk, Component::kNetwork}) {
    out[std::string(to_string(c))] = to_json(metric_values::component_j(results, c));
  }
  out["total"] = to_json(results.measure.total.gross);
  return out;
}

Json phases_json(const Results& results) {
  Json out = {{"measure", to_json(results.measure)}};
  for (const auto& [phase, energy] : results.other_phases) out[phase] = to_json(energy);
  return out;
}

/// Quantities that are made from the measured energy, with both parts of their uncertainty.
struct Derived {
  const char* key;
  Quantity Results::* member;
};
constexpr std::array kDerived = {
    Derived{"unattributed", &Results::unattributed},
    Derived{"preprocessing", &Results::preprocessing},
    Derived{"before_first_token", &Results::before_first_token},
    Derived{"after_first_token", &Results::after_first_token},
    Derived{"prefill_per_prompt_token", &Results::prefill_per_prompt_token},
    Derived{"decode_per_output_token", &Results::decode_per_output_token},
    Derived{"per_output_token", &Results::energy_per_output_token},
    Derived{"per_request", &Results::energy_per_request},
    Derived{"emissions", &Results::emissions},
    Derived{"water", &Results::water},
    Derived{"embodied_emissions", &Results::embodied},
};

Json derived_json(const Results& results) {
  Json out;
  for (const Derived& row : kDerived) out[row.key] = to_json(results.*row.member);
  return out;
}

/// The parts of the embodied emissions; null where nobody asked.
Json embodied_json(const Results& results) {
  Json out;
  for (const EmbodiedPart& part : results.embodied_parts) {
    out.push_back(to_json(part.item));
    out.back()["emissions"] = to_json(part.emissions);
  }
  return out;
}

std::vector<EmbodiedPart> embodied_from(const Json& json) {
  std::vector<EmbodiedPart> parts;
  for (const Json& part : json) {
    parts.push_back({embodied_item_from(part), quantity_from(part.at("emissions"))});
  }
  return parts;
}

Json division_json(const EnergyDivision& division) {
  return {{"method", text_or_null(division.method)},
          {"reason", text_or_null(division.reason)},
          {"per_prompt_token", to_json(division.per_prompt_token)},
          {"per_output_token", to_json(division.per_output_token)}};
}

EnergyDivision division_from(const Json& json) {
  if (!json.is_object()) return {"", "", Quantity::missing("J", ""), Quantity::missing("J", "")};
  return {json.value("method", Json()).is_string() ? json["method"].get<std::string>() : "",
          json.value("reason", Json()).is_string() ? json["reason"].get<std::string>() : "",
          quantity_from(json.at("per_prompt_token")), quantity_from(json.at("per_output_token"))};
}

Json prompts_json(const Results& results) {
  Json out = Json::array();
  for (const RequestResult& request : results.requests) out.push_back(prompt_json(request));
  return out;
}

/// Without the server's own view, which is a section of its own.
Json collected_json(const Results& results) {
  Json out = results.collected;
  if (out.is_object()) out.erase(kServerCollected);
  return out;
}

Json environment_json(const Results& results) {
  Json out = results.environment.is_object() ? results.environment : Json::object();
  out["engine"] = results.backend_info;
  return out;
}

}  // namespace

Json prompt_json(const RequestResult& request) {
  const RequestRecord& r = request.record;
  const auto ids = r.extra.find("token_ids");
  return {{"index", r.prompt_index},
          {"repeat", r.repeat},
          {"start_s", or_null(request.start_s)},
          {"success", r.status == RequestStatus::kOk},
          {"status", to_string(r.status)},
          {"error", text_or_null(r.error)},
          {"error_class", text_or_null(r.error_class)},
          {"prompt_tokens", or_null(r.prompt_tokens)},
          {"cached_tokens", or_null(r.cached_tokens)},
          {"completion_tokens", or_null(r.output_tokens)},
          {"reasoning_tokens", or_null(r.reasoning_tokens)},
          {"token_ids", ids == r.extra.end() ? Json(nullptr) : *ids},
          {"last_logits", r.extra.contains("last_logits") ? r.extra["last_logits"] : Json(nullptr)},
          {"finish_reason", text_or_null(r.finish_reason)},
          {"ttft_s", or_null(request.ttft_s)},
          {"ttfa_s", or_null(request.ttfa_s)},
          {"tpot_s", or_null(request.tpot_s)},
          {"latency_s", or_null(request.latency_s)},
          {"send_lag_s", or_null(request.send_lag_s)},
          {"ttft_from_planned_s", or_null(request.ttft_from_planned_s)},
          {"latency_from_planned_s", or_null(request.latency_from_planned_s)},
          {"meets_slo", or_null(request.meets_slo)},
          {"energy_wh", wh_or_null(request.energy, request.energy.value.value_or(0))},
          {"energy_uncertainty_wh", wh_or_null(request.energy, request.energy.uncertainty())},
          {"active_energy_wh",
           wh_or_null(request.active_energy, request.active_energy.value.value_or(0))},
          {"energy_source", to_string(request.energy.source)},
          {"text", r.text}};
}

Json results_to_json(const Results& results) {
  return {{"schema_version", kResultsSchemaVersion},
          {"run_id", results.run_id},
          {"started", iso_utc(results.started_wall_ns)},
          {"started_wall_ns", results.started_wall_ns},
          {"summary", summary_json(results)},
          {"energy", energy_json(results)},
          {"energy_by_phase", phases_json(results)},
          {"derived", derived_json(results)},
          {"energy_division", division_json(results.division)},
          {"goodput", goodput_to_json(results.goodput)},
          {"steady_state", steady_state_to_json(results.steady_state)},
          {"repeats", repeats_json(results.repeats)},
          {"intervals", intervals_json(results.intervals)},
          {"server", server_json(results)},
          {"client", results.client ? to_json(*results.client) : Json(nullptr)},
          {"energy_disabled", results.energy_disabled},
          {"carbon", results.carbon ? to_json(*results.carbon) : Json(nullptr)},
          {"embodied", embodied_json(results)},
          {"per_prompt_results", prompts_json(results)},
          {"gpu_stats", gpu_stats_json(results.gpus)},
          {"activity", activity_json(results)},
          {"cost", to_json(results.cost)},
          {"power", power_json(results.power)},
          {"histograms", histograms_json(results.histograms)},
          {"environment", environment_json(results)},
          {"config", results.config},
          {"protocol", results.protocol},
          {"collected", collected_json(results)},
          {"warnings", results.warnings},
          {"files", results.files}};
}

std::string json_report(const Results& results) {
  return results_to_json(results).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

namespace {

template <typename T>
std::optional<T> optional_at(const Json& json, std::string_view key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return found->get<T>();
}

std::string text_at(const Json& json, std::string_view key) {
  return optional_at<std::string>(json, key).value_or("");
}

std::optional<Distribution> distribution_from(const Json& summary, const char* key) {
  const auto found = summary.find(key);
  return found == summary.end() ? std::nullopt : distribution_from_json(*found);
}

void read_summary(const Json& s, Results& out) {
  out.name = text_at(s, "name");
  out.backend = text_at(s, "backend");
  out.engine = text_at(s, "engine");
  out.model = text_at(s, "model");
  out.tool_version = text_at(s, "tool_version");
  out.total_prompts = s.at("total_prompts").get<int64_t>();
  out.successful_prompts = s.at("successful_prompts").get<int64_t>();
  out.failed_prompts = s.at("failed_prompts").get<int64_t>();
  out.cancelled_prompts = s.at("cancelled_prompts").get<int64_t>();
  out.not_begun_prompts = s.at("not_begun_prompts").get<int64_t>();
  out.prompt_tokens = optional_at<int64_t>(s, "prompt_tokens");
  out.output_tokens = optional_at<int64_t>(s, "output_tokens");
  out.measured_s = s.at("measured_s").get<double>();
  out.avg_latency_s = optional_at<double>(s, "avg_latency_s");
  out.throughput_prompts_per_s = optional_at<double>(s, "throughput_prompts_per_sec");
  out.output_tokens_per_s = optional_at<double>(s, "output_tokens_per_s");
  out.decode_tokens_per_s = optional_at<double>(s, "decode_tokens_per_s");
  out.ttft_s = distribution_from(s, "ttft_s");
  out.ttfa_s = distribution_from(s, "ttfa_s");
  out.icl_s = distribution_from(s, "icl_s");
  out.tokens_per_chunk = optional_at<double>(s, "tokens_per_chunk");
  out.tpot_s = distribution_from(s, "tpot_s");
  out.itl_s = distribution_from(s, "itl_s");
  out.e2e_s = distribution_from(s, "e2e_s");
  out.send_lag_s = distribution_from(s, "send_lag_s");
  out.ttft_from_planned_s = distribution_from(s, "ttft_from_planned_s");
  out.e2e_from_planned_s = distribution_from(s, "e2e_from_planned_s");
}

/// What documents of earlier versions do not hold.
Quantity not_in_file(std::string unit) {
  return Quantity::missing(std::move(unit), "not in the file");
}

Quantity joules_at(const Json& json, const char* value, const char* uncertainty) {
  Quantity out = not_in_file("J");
  if (const auto wh = optional_at<double>(json, value)) {
    out.value = *wh * kJoulesPerWh;
    out.random =
        uncertainty ? optional_at<double>(json, uncertainty).value_or(0) * kJoulesPerWh : 0;
    out.source = Source::kPartial;
    out.reason.clear();
  }
  return out;
}

RequestResult request_from(const Json& json) {
  RequestResult out;
  RequestRecord& r = out.record;
  r.prompt_index = json.at("index").get<int>();
  r.repeat = json.at("repeat").get<int>();
  r.status = request_status_from(json.at("status").get<std::string>()).value_or(r.status);
  r.error = text_at(json, "error");
  r.error_class = text_at(json, "error_class");
  r.prompt_tokens = optional_at<int64_t>(json, "prompt_tokens");
  r.cached_tokens = optional_at<int64_t>(json, "cached_tokens");
  r.output_tokens = optional_at<int64_t>(json, "completion_tokens");
  r.reasoning_tokens = optional_at<int64_t>(json, "reasoning_tokens");
  r.finish_reason = text_at(json, "finish_reason");
  r.text = text_at(json, "text");
  for (const char* key : {"token_ids", "last_logits"}) {
    if (const auto value = optional_at<Json>(json, key)) r.extra[key] = *value;
  }
  out.start_s = optional_at<double>(json, "start_s");
  out.ttft_s = optional_at<double>(json, "ttft_s");
  out.ttfa_s = optional_at<double>(json, "ttfa_s");
  out.tpot_s = optional_at<double>(json, "tpot_s");
  out.latency_s = optional_at<double>(json, "latency_s");
  out.send_lag_s = optional_at<double>(json, "send_lag_s");
  out.ttft_from_planned_s = optional_at<double>(json, "ttft_from_planned_s");
  out.latency_from_planned_s = optional_at<double>(json, "latency_from_planned_s");
  out.meets_slo = optional_at<bool>(json, "meets_slo");
  out.energy = joules_at(json, "energy_wh", "energy_uncertainty_wh");
  out.active_energy = joules_at(json, "active_energy_wh", nullptr);
  return out;
}

void read_energy(const Json& json, Results& out) {
  for (const auto& [phase, energy] : json.at("energy_by_phase").items()) {
    if (phase == "measure") {
      out.measure = window_energy_from(energy);
    } else {
      out.other_phases[phase] = window_energy_from(energy);
    }
  }
  for (const Derived& row : kDerived) {
    const Json& derived = json.at("derived");
    out.*row.member =
        derived.contains(row.key) ? quantity_from(derived[row.key]) : not_in_file("J");
  }
  out.energy_disabled = json.at("energy_disabled").get<bool>();
  if (!json.at("carbon").is_null()) out.carbon = carbon_factor_from(json["carbon"]);
  out.embodied_parts = embodied_from(json.value("embodied", Json()));
}

Results read_document(const Json& json) {
  Results out;
  out.run_id = text_at(json, "run_id");
  out.started_wall_ns = json.at("started_wall_ns").get<int64_t>();
  read_summary(json.at("summary"), out);
  read_energy(json, out);
  out.division = division_from(json.value("energy_division", Json()));
  out.goodput = goodput_from_json(json.at("goodput"));
  out.steady_state = steady_state_from_json(json.at("steady_state"));
  out.repeats = repeats_from(json.value("repeats", Json::array()));
  out.intervals = intervals_from(json.value("intervals", Json::array()));
  const Json client = json.value("client", Json());
  if (!client.is_null()) {
    out.client = client_load_from(client);
    if (client.contains("energy")) out.client->energy = quantity_from(client["energy"]);
  }
  for (const Json& prompt : json.at("per_prompt_results")) {
    out.requests.push_back(request_from(prompt));
  }
  out.gpus = gpu_stats_from(json.at("gpu_stats"));
  read_activity(json.value("activity", Json()), out);
  out.cost = cost_from(json.value("cost", Json()));
  out.power = power_from(json.value("power", Json::array()));
  out.histograms = histograms_from(json.value("histograms", Json::object()));
  out.environment = json.at("environment");
  out.backend_info = out.environment.at("engine");
  out.environment.erase("engine");
  out.config = json.at("config");
  out.protocol = json.at("protocol");
  out.collected = json.value("collected", Json::object());
  const Json server = json.value("server", Json());
  if (server.is_object()) out.collected[kServerCollected] = server;
  out.warnings = json.at("warnings").get<std::vector<std::string>>();
  out.files = json.at("files");
  return out;
}

}  // namespace

Results results_from_json(const Json& json) {
  const Json version =
      json.is_object() && json.contains("schema_version") ? json["schema_version"] : Json("absent");
  if (version != kResultsSchemaVersion) {
    throw DataError("not a results document of this version (schema_version: " + version.dump() +
                    ", needed: " + std::to_string(kResultsSchemaVersion) +
                    "). Write it again from its trace: aieb report TRACE --format json -o FILE");
  }
  try {
    return read_document(json);
  } catch (const Json::exception& e) {
    throw DataError(std::string("the results document is damaged: ") + e.what() +
                    ". Write it again from its trace: aieb report TRACE --format json -o FILE");
  }
}

}  // namespace aieb
