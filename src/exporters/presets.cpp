#include <utility>

#include "exporters/source_spec.h"

namespace aieb::exporters {
namespace {

constexpr double kBoardGain = 0.05;    // docs/meters.md, "NVIDIA"
constexpr double kPackageGain = 0.05;  // docs/meters.md, "RAPL"
constexpr double kDramGain = 0.2;
constexpr double kNodeGain = 0.2;
constexpr double kMilli = 1e-3;
constexpr double kMicro = 1e-6;
constexpr double kMebibyte = 1024.0 * 1024;

/// A GPU is told by its UUID; "gpu" is its index on its host, and MIG instances repeat the whole
/// GPU's values under one UUID.
const std::vector<std::string> kGpuLabels = {"UUID"};

Rule counter(const char* metric, Component component, double scale, double gain,
             std::vector<Label> where, std::vector<std::string> devices) {
  Rule rule{metric, false, component,        "energy",           DomainKind::kCounter,
            "J",    scale, std::move(where), std::move(devices), gain};
  if (component == Component::kGpu) rule.sensor_period_ns = kGpuCounterPeriod_ns;
  return rule;
}

Rule gauge(const char* metric, Component component, double scale, double gain,
           std::vector<Label> where, std::vector<std::string> devices) {
  return {metric,
          false,
          component,
          "power",
          DomainKind::kGauge,
          "W",
          scale,
          std::move(where),
          std::move(devices),
          gain};
}

Rule state(const char* metric, const char* what, const char* unit, double scale) {
  return {metric, false, Component::kGpu, what, DomainKind::kGauge, unit, scale, {}, kGpuLabels};
}

struct Preset {
  std::string_view name;
  std::vector<Rule> rules;
};

const std::vector<Preset>& presets() {
  using enum Component;
  static const std::vector<Preset> kPresets = {
      // Field names: DCGM's API documentation, "Field Identifiers". Energy in mJ.
      {"dcgm",
       {counter("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", kGpu, kMilli, kBoardGain, {}, kGpuLabels),
        gauge("DCGM_FI_DEV_POWER_USAGE_INSTANT", kGpu, 1, kBoardGain, {}, kGpuLabels),
        gauge("DCGM_FI_DEV_POWER_USAGE", kGpu, 1, kBoardGain, {}, kGpuLabels),
        gauge("DCGM_FI_DEV_BOARD_POWER_WATTS", kGpu, 1, kBoardGain, {}, kGpuLabels),
        state("DCGM_FI_DEV_GPU_UTIL", "utilization", "%", 1),
        state("DCGM_FI_DEV_FB_USED", "memory_used", "B", kMebibyte),
        state("DCGM_FI_DEV_GPU_TEMP", "temperature", "degC", 1),
        state("DCGM_FI_DEV_SM_CLOCK", "sm_clock", "MHz", 1)}},
      // Zones of RAPL; "psys" contains the others.
      {"kepler",
       {counter("kepler_node_cpu_joules_total", kCpu, 1, kPackageGain, {{"zone", "package"}}, {}),
        counter("kepler_node_cpu_joules_total", kDram, 1, kDramGain, {{"zone", "dram"}}, {}),
        gauge("kepler_node_platform_watts", kNode, 1, kNodeGain, {}, {})}},
      {"scaphandre",
       {gauge("scaph_socket_power_microwatts", kCpu, kMicro, kPackageGain, {}, {"socket_id"}),
        gauge("scaph_domain_power_microwatts", kDram, kMicro, kDramGain, {{"domain_name", "dram"}},
              {"socket_id"})}},
      // Its rapl collector; a wrap of the register looks like a reset.
      {"node_exporter",
       {counter("node_rapl_package_joules_total", kCpu, 1, kPackageGain, {}, {"index"}),
        counter("node_rapl_dram_joules_total", kDram, 1, kDramGain, {}, {"index"})}},
      {"ipmi", {gauge("ipmi_dcmi_power_consumption_watts", kNode, 1, kNodeGain, {}, {})}},
  };
  return kPresets;
}

}  // namespace

const std::vector<Rule>* preset_rules(std::string_view name) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return &preset.rules;
  }
  return nullptr;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) names.emplace_back(preset.name);
  return names;
}

}  // namespace aieb::exporters
