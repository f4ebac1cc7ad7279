#include "reporters/gpu_stats.h"

#include <array>
#include <optional>
#include <string>

namespace aieb {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

/// One scalar of a GPU's state: its key, its place in GpuStats and the factor from one to the
/// other.
struct GpuField {
  const char* key;
  std::optional<double> GpuStats::* member;
  double factor;
};

constexpr std::array kReferenceFields = {
    GpuField{"utilization_percent", &GpuStats::mean_utilization_percent, 1},
    GpuField{"memory_used_mb", &GpuStats::max_memory_used_bytes, 1 / kMib},
    GpuField{"memory_total_mb", &GpuStats::total_memory_bytes, 1 / kMib},
    GpuField{"temperature_c", &GpuStats::mean_temperature_c, 1},
    GpuField{"power_draw_w", &GpuStats::mean_power_w, 1},
};

constexpr std::array kOwnFields = {
    GpuField{"max_power_w", &GpuStats::max_power_w, 1},
    GpuField{"max_temperature_c", &GpuStats::max_temperature_c, 1},
    GpuField{"sm_clock_mhz", &GpuStats::mean_sm_clock_mhz, 1},
    GpuField{"memory_clock_mhz", &GpuStats::mean_memory_clock_mhz, 1},
    GpuField{"memory_utilization_percent", &GpuStats::mean_memory_utilization_percent, 1},
    GpuField{"max_memory_temperature_c", &GpuStats::max_memory_temperature_c, 1},
    GpuField{"memory_power_w", &GpuStats::mean_memory_power_w, 1},
    GpuField{"power_limit_w", &GpuStats::power_limit_w, 1},
};

void write_field(Json& out, const GpuStats& gpu, const GpuField& field) {
  const std::optional<double>& value = gpu.*field.member;
  out[field.key] = value ? Json(*value * field.factor) : Json(nullptr);
}

void read_field(const Json& json, GpuStats& gpu, const GpuField& field) {
  const auto found = json.find(field.key);
  if (found != json.end() && found->is_number()) {
    gpu.*field.member = found->get<double>() / field.factor;
  }
}

Json memory_percent(const GpuStats& gpu) {
  if (!gpu.max_memory_used_bytes || !gpu.total_memory_bytes || *gpu.total_memory_bytes <= 0) {
    return nullptr;
  }
  return 100 * *gpu.max_memory_used_bytes / *gpu.total_memory_bytes;
}

Json gpu_json(const GpuStats& gpu) {
  const bool known = gpu.energy.known();
  Json out;
  for (const GpuField& field : kReferenceFields) write_field(out, gpu, field);
  out["memory_percent"] = memory_percent(gpu);
  out["name"] = gpu.name;
  out["energy_wh"] = known ? Json(*gpu.energy.value / kJoulesPerWh) : Json(nullptr);
  out["energy_wh_uncertainty"] =
      known ? Json(gpu.energy.uncertainty() / kJoulesPerWh) : Json(nullptr);
  for (const GpuField& field : kOwnFields) write_field(out, gpu, field);
  out["throttled_by"] = gpu.throttled_by;
  return out;
}

}  // namespace

Json gpu_stats_json(const std::vector<GpuStats>& gpus) {
  Json out = Json::object();
  for (const GpuStats& gpu : gpus) out["gpu_" + std::to_string(gpu.index)] = gpu_json(gpu);
  return out;
}

std::vector<GpuStats> gpu_stats_from(const Json& json) {
  std::vector<GpuStats> out;
  for (const auto& [key, value] : json.items()) {
    GpuStats gpu;
    gpu.index = std::stoi(key.substr(key.find('_') + 1));
    gpu.name = value.value("name", "");
    for (const GpuField& field : kReferenceFields) read_field(value, gpu, field);
    for (const GpuField& field : kOwnFields) read_field(value, gpu, field);
    gpu.throttled_by = value.value("throttled_by", "");
    gpu.energy = Quantity::missing("J", "not in the file");
    if (value.contains("energy_wh") && value["energy_wh"].is_number()) {
      gpu.energy.value = value["energy_wh"].get<double>() * kJoulesPerWh;
      gpu.energy.random = value.value("energy_wh_uncertainty", 0.0) * kJoulesPerWh;
      gpu.energy.source = Source::kPartial;
      gpu.energy.reason.clear();
    }
    out.push_back(std::move(gpu));
  }
  return out;
}

}  // namespace aieb
