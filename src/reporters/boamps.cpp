#include "reporters/boamps.h"

#include <map>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"
#include "reporters/json_access.h"

namespace aieb {
namespace {

constexpr const char* kFormatVersion = "0.1";
constexpr const char* kFormatUri = "https://github.com/Boavizta/BoAmps/tree/main/model";
constexpr double kJoulesPerKwh = 1000 * kJoulesPerWh;
constexpr double kGib = 1024.0 * 1024 * 1024;

/// "2026-01-31 12:34:56", as BoAmps writes times.
std::string time_text(int64_t wall) {
  std::string text = iso_utc(wall).substr(0, 19);
  text.at(10) = ' ';
  return text;
}

/// Adds what is known: the schema has no null.
void add(Json& object, const char* key, const Json& value) {
  if (!value.is_null() && value != Json("")) object[key] = value;
}

Json header(const Results& r) {
  Json out = {{"licensing", "Creative Commons 4.0"},
              {"formatVersion", kFormatVersion},
              {"formatVersionSpecificationUri", kFormatUri},
              {"reportId", r.run_id},
              {"reportDatetime", time_text(r.started_wall_ns + nanoseconds(r.measured_s))},
              {"reportStatus", "draft"}};
  Json publisher = {{"confidentialityLevel", "internal"}};
  add(publisher, "projectName", json_at(r.config, {"metrics", "project_name"}));
  out["publisher"] = publisher;
  return out;
}

Json algorithm(const Results& r) {
  Json out = {{"algorithmType", "llm"}, {"foundationModelName", r.model}};
  if (r.model.find('/') != std::string::npos && !r.model.starts_with('/') &&
      !r.model.starts_with('.')) {
    out["foundationModelUri"] = "https://huggingface.co/" + r.model;
  }
  out["framework"] = r.engine.empty() || r.engine == "server" ? r.backend : r.engine;
  add(out, "frameworkVersion", json_at(r.backend_info, {"version"}));
  add(out, "quantization", json_at(r.backend_info, {"dtype"}));
  return out;
}

Json dataset(const char* usage, const std::optional<int64_t>& tokens) {
  Json out = {{"dataUsage", usage}, {"dataType", "token"}};
  if (tokens) out["dataQuantity"] = *tokens;
  return out;
}

Json task(const Results& r) {
  return {{"taskStage", "inference"},
          {"taskFamily", "textGeneration"},
          {"nbRequest", r.successful_prompts},
          {"algorithms", Json::array({algorithm(r)})},
          {"dataset",
           Json::array({dataset("input", r.prompt_tokens), dataset("output", r.output_tokens)})}};
}

/// How a component was measured: the meters of its domains.
std::string tracking_mode(const Results& r, Component component) {
  const auto found = r.measure.components.find(component);
  if (found == r.measure.components.end() || !found->second.gross.known()) return "";
  if (found->second.gross.source == Source::kEstimated) return "estimated";
  for (const PowerSeries& series : r.power) {
    if (series.component == component) return series.domain.substr(0, series.domain.find('/'));
  }
  return std::string(to_string(found->second.gross.source));
}

Json measure(const Results& r) {
  Json out = {{"measurementMethod", "ai_energy_benchmarks"},
              {"version", r.tool_version},
              {"powerConsumption", *r.measure.total.gross.value / kJoulesPerKwh},
              {"measurementDuration", r.measured_s},
              {"measurementDateTime", time_text(r.started_wall_ns)}};
  add(out, "cpuTrackingMode", tracking_mode(r, Component::kCpu));
  add(out, "gpuTrackingMode", tracking_mode(r, Component::kGpu));
  double utilization = 0;
  int readable = 0;
  for (const GpuStats& gpu : r.gpus) {
    if (!gpu.mean_utilization_percent) continue;
    utilization += *gpu.mean_utilization_percent / 100;
    ++readable;
  }
  if (readable > 0) out["averageUtilizationGpu"] = utilization / readable;
  const auto idle = r.other_phases.find("idle");
  if (idle != r.other_phases.end() && idle->second.total.gross.known()) {
    out["powerCalibrationMeasurement"] = *idle->second.total.gross.value / kJoulesPerKwh;
    out["durationCalibrationMeasurement"] = idle->second.duration_s;
  }
  return out;
}

Json components(const Results& r) {
  Json out = Json::array();
  Json cpu = {{"componentType", "cpu"}, {"nbComponent", 1}};
  add(cpu, "componentName", json_at(r.environment, {"cpu_model"}));
  out.push_back(cpu);
  std::map<std::string, std::pair<int, std::optional<double>>> gpus;
  for (const GpuStats& gpu : r.gpus) {
    auto& [count, memory] = gpus[gpu.name];
    ++count;
    memory = gpu.total_memory_bytes;
  }
  for (const auto& [name, facts] : gpus) {
    Json gpu = {{"componentName", name}, {"componentType", "gpu"}, {"nbComponent", facts.first}};
    if (facts.second) gpu["memorySize"] = *facts.second / kGib;
    out.push_back(gpu);
  }
  const Json ram = json_at(r.environment, {"ram_total_bytes"});
  if (ram.is_number()) {
    out.push_back(
        {{"componentType", "ram"}, {"nbComponent", 1}, {"memorySize", ram.get<double>() / kGib}});
  }
  return out;
}

std::string quality(const Results& r) {
  const Quantity& total = r.measure.total.gross;
  if (!total.known() || *total.value <= 0 || !r.measure.complete) return "low";
  const double relative = total.uncertainty() / *total.value;
  if (relative <= 0.10) return "high";
  return relative <= 0.25 ? "medium" : "low";
}

}  // namespace

std::string boamps_report(const Results& r) {
  if (!r.measure.total.gross.known()) {
    throw DataError(
        "BoAmps reports are about energy, and that of this run is not known" +
        (r.measure.total.gross.reason.empty() ? "" : ": " + r.measure.total.gross.reason) +
        ". aieb doctor says what can be measured here.");
  }
  Json out = {{"header", header(r)},
              {"task", task(r)},
              {"measures", Json::array({measure(r)})},
              {"system", {{"os", "linux"}}},
              {"software", {{"language", "c++"}}},
              {"infrastructure", {{"infraType", "other"}, {"components", components(r)}}},
              {"quality", quality(r)}};
  if (r.carbon && !r.carbon->country_name.empty()) {
    out["environment"]["country"] = r.carbon->country_name;
    if (r.carbon->unknown.empty()) {
      out["environment"]["powerSourceCarbonIntensity"] = r.carbon->g_per_kwh;
    }
    add(out["environment"], "location", r.carbon->region);
  }
  return json_document(out);
}

}  // namespace aieb
