#include "reporters/codecarbon.h"

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "reporters/csv_format.h"
#include "reporters/metric_table.h"

namespace aieb {
namespace {

constexpr double kJoulesPerKwh = 3.6e6;
constexpr double kBytesPerGb = 1024.0 * 1024.0 * 1024.0;

/// CodeCarbon's own default, which stands for "no experiment".
constexpr const char* kNoExperiment = "5b0fa12a-3dd7-45bb-9766-cc326314d9f1";

using Value = std::optional<double>;

Json cell(const Value& value) { return value ? Json(*value) : Json(nullptr); }

Value times(const Value& value, double factor) {
  return value ? Value(*value * factor) : std::nullopt;
}

/// What CodeCarbon counts, after PUE.
struct Accounts {
  double pue = 1;
  double wue_l_per_kwh = 0;
  double duration_s = 0;
  std::map<Component, Value> energy_kwh;
  Value total_kwh;
  Value emissions_kg;

  [[nodiscard]] Value energy(Component c) const {
    const auto found = energy_kwh.find(c);
    return found == energy_kwh.end() ? std::nullopt : found->second;
  }
  [[nodiscard]] Json power_w(Component c) const {
    if (duration_s <= 0) return nullptr;
    return cell(times(energy(c), kJoulesPerKwh / duration_s));
  }
};

Accounts accounts(const Results& r) {
  Accounts a;
  if (r.carbon) {
    a.pue = r.carbon->pue;
    a.wue_l_per_kwh = r.carbon->wue_l_per_kwh;
  }
  a.duration_s = r.measured_s;
  for (const auto& [component, energy] : r.measure.components) {
    a.energy_kwh[component] = times(energy.gross.value, a.pue / kJoulesPerKwh);
  }
  a.total_kwh = times(r.measure.total.gross.value, a.pue / kJoulesPerKwh);
  a.emissions_kg = times(r.emissions.value, 1e-3);
  return a;
}

Json at(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object[key] : Json(nullptr);
}

Json gpu_model(const Results& r) {
  std::map<std::string, int> counts;
  for (const GpuStats& gpu : r.gpus) ++counts[gpu.name];
  std::string out;
  for (const auto& [name, count] : counts) {
    out += (out.empty() ? "" : " ") + std::to_string(count) + " x " + name;
  }
  return out.empty() ? Json(nullptr) : Json(out);
}

Json mean_gpu_utilization(const Results& r) {
  double sum = 0;
  int count = 0;
  for (const GpuStats& gpu : r.gpus) {
    if (!gpu.mean_utilization_percent) continue;
    sum += *gpu.mean_utilization_percent;
    ++count;
  }
  return count == 0 ? Json(nullptr) : Json(sum / count);
}

Json ram_gb(const Results& r) {
  const Json bytes = at(r.environment, "ram_total_bytes");
  return bytes.is_number() ? Json(bytes.get<double>() / kBytesPerGb) : Json(nullptr);
}

std::vector<Field> run_columns(const Results& r) {
  return {{"timestamp", iso_local(r.started_wall_ns + nanoseconds(r.measured_s))},
          {"project_name", at(at(r.config, "metrics"), "project_name")},
          {"run_id", r.run_id},
          {"experiment_id", kNoExperiment}};
}

std::vector<Field> energy_columns(const Accounts& a) {
  using enum Component;
  const bool timed = a.duration_s > 0;
  return {{"duration", a.duration_s},
          {"emissions", cell(a.emissions_kg)},
          {"emissions_rate", timed ? cell(times(a.emissions_kg, 1 / a.duration_s)) : Json()},
          {"cpu_power", a.power_w(kCpu)},
          {"gpu_power", a.power_w(kGpu)},
          {"ram_power", a.power_w(kDram)},
          {"cpu_energy", cell(a.energy(kCpu))},
          {"gpu_energy", cell(a.energy(kGpu))},
          {"ram_energy", cell(a.energy(kDram))},
          {"energy_consumed", cell(a.total_kwh)},
          {"water_consumed", cell(times(a.total_kwh, a.wue_l_per_kwh))}};
}

std::vector<Field> place_columns(const Results& r) {
  const CarbonFactor place = r.carbon.value_or(CarbonFactor{});
  const auto text = [](const std::string& s) { return s.empty() ? Json(nullptr) : Json(s); };
  return {{"country_name", text(place.country_name)},
          {"country_iso_code", text(place.country_iso_code)},
          {"region", text(place.region)},
          {"cloud_provider", nullptr},
          {"cloud_region", nullptr}};
}

std::vector<Field> machine_columns(const Results& r) {
  return {{"os", at(r.environment, "kernel")},
          {"python_version", nullptr},  // none runs in a measurement
          {"codecarbon_version", "ai_energy_benchmarks " + r.tool_version},
          {"cpu_count", at(r.environment, "cpu_count")},
          {"cpu_model", at(r.environment, "cpu_model")},
          {"gpu_count", r.gpus.size()},
          {"gpu_model", gpu_model(r)},
          {"longitude", nullptr},
          {"latitude", nullptr},
          {"ram_total_size", ram_gb(r)},
          {"tracking_mode", "machine"},
          {"cpu_utilization_percent", nullptr},
          {"gpu_utilization_percent", mean_gpu_utilization(r)},
          {"ram_utilization_percent", nullptr},
          {"ram_used_gb", nullptr},
          {"on_cloud", "N"}};
}

}  // namespace

std::string codecarbon_report(const Results& results) {
  const Accounts a = accounts(results);
  std::vector<Field> columns = run_columns(results);
  const auto add = [&columns](std::vector<Field> more) {
    columns.insert(columns.end(), more.begin(), more.end());
  };
  add(energy_columns(a));
  add(place_columns(results));
  add(machine_columns(results));
  add({{"pue", a.pue}, {"wue", a.wue_l_per_kwh}});
  return csv_table(columns);
}

}  // namespace aieb
