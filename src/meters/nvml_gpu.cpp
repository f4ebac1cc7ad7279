#include "meters/nvml_gpu.h"

#include <utility>

#include "meters/sysfs.h"

namespace aieb {
namespace {

constexpr int64_t kOneSecond = 1'000'000'000;
constexpr int64_t kMillisecond = 1'000'000;
constexpr auto kSame = [](auto value) { return value; };
constexpr double kMilliwattsPerWatt = 1e3;

using nvml::Device;

/// One row a quantity; memory_total is beside memory_used so that a report needs no other source.
struct StateRow {
  const char* name;
  const char* unit;
  NvmlResult<double> (*read)(const Nvml&, Device);
};

constexpr StateRow kStates[] = {
    {"utilization", "%",
     [](const Nvml& n, Device d) {
       return part_of(n.utilization(d), [](const nvml::Utilization& u) { return u.gpu; });
     }},
    {"memory_utilization", "%",
     [](const Nvml& n, Device d) {
       return part_of(n.utilization(d), [](const nvml::Utilization& u) { return u.memory; });
     }},
    {"memory_used", "B",
     [](const Nvml& n, Device d) {
       return part_of(n.memory(d), [](const nvml::MemoryInfo& m) { return m.used; });
     }},
    {"memory_total", "B",
     [](const Nvml& n, Device d) {
       return part_of(n.memory(d), [](const nvml::MemoryInfo& m) { return m.total; });
     }},
    {"temperature", "degC",
     [](const Nvml& n, Device d) { return part_of(n.temperature_c(d), kSame); }},
    {"memory_temperature", "degC",
     [](const Nvml& n, Device d) { return n.field(d, nvml::kMemoryTemperature, nvml::kScopeGpu); }},
    {"sm_clock", "MHz",
     [](const Nvml& n, Device d) { return part_of(n.clock_mhz(d, nvml::kClockSm), kSame); }},
    {"memory_clock", "MHz",
     [](const Nvml& n, Device d) { return part_of(n.clock_mhz(d, nvml::kClockMemory), kSame); }},
    {"memory_power", "mW",
     [](const Nvml& n, Device d) {
       return scaled(n.field_power_w(d, nvml::kPowerAverage, nvml::kScopeMemory),
                     kMilliwattsPerWatt);
     }},
    {"power_limit", "mW",
     [](const Nvml& n, Device d) { return scaled(n.power_limit_w(d), kMilliwattsPerWatt); }},
};

/// Over how long the instant field is a mean, by board. Yang, Adamek, Armour, "Part-time power
/// measurements" (arXiv 2312.02741), and the results table beside it. Of other boards it is
/// unknown.
struct InstantSpan {
  const char* board;
  int64_t span_ns;
};

constexpr InstantSpan kInstantSpans[] = {
    {"A100", 25 * kMillisecond},      {"GH200", 20 * kMillisecond},
    {"H100", 22 * kMillisecond},      {"Quadro RTX 8000", 20 * kMillisecond},
    {"RTX 3090", 100 * kMillisecond}, {"RTX 2080 Ti", 100 * kMillisecond},
};

int64_t instant_span_ns(const std::string& name) {
  for (const InstantSpan& row : kInstantSpans) {
    if (name.find(row.board) != std::string::npos) return row.span_ns;
  }
  return 0;
}

}  // namespace

NvmlGpu::NvmlGpu(std::shared_ptr<const Nvml> nvml, int index, Device device, std::string sys_root)
    : nvml_(std::move(nvml)),
      index_(index),
      device_(device),
      name_(nvml_->name(device).value.value_or("")),
      sys_root_(std::move(sys_root)) {}

GpuReading NvmlGpu::reading(const NvmlResult<double>& result) const {
  if (result.value) return {result.value, {}};
  return {std::nullopt, nvml_->error_text(result.code)};
}

std::optional<GpuCounter> NvmlGpu::counter() const {
  if (!nvml_->energy_j(device_).value) return std::nullopt;
  return GpuCounter{};
}

GpuReading NvmlGpu::energy_j() const { return reading(nvml_->energy_j(device_)); }

GpuPowerSource NvmlGpu::field_source(nvml::Field field, nvml::Scope scope, const std::string& what,
                                     int64_t averaging_ns) const {
  return {[this, field, scope] { return reading(nvml_->field_power_w(device_, field, scope)); },
          what, averaging_ns};
}

std::vector<GpuPowerSource> NvmlGpu::power_sources() const {
  return {
      field_source(nvml::kPowerInstant, nvml::kScopeGpu, "power.instant", instant_span_ns(name_)),
      field_source(nvml::kPowerAverage, nvml::kScopeGpu, "power.average", kOneSecond),
      {[this] { return reading(nvml_->power_w(device_)); }, "power.usage"},
  };
}

std::vector<GpuPowerSource> NvmlGpu::module_power_sources() const {
  return {
      field_source(nvml::kPowerInstant, nvml::kScopeModule, "module.power.instant", 0),
      field_source(nvml::kPowerAverage, nvml::kScopeModule, "module.power.average", kOneSecond),
  };
}

int NvmlGpu::module_index() const {
  const auto bus = nvml_->pci_bus_id(device_).value;
  if (!bus) return index_;
  const FileNumber node = read_number(sys_root_ + "/bus/pci/devices/" + *bus + "/numa_node");
  return node.value ? static_cast<int>(*node.value) : index_;  // "-1" is no number: unknown
}

std::vector<GpuState> NvmlGpu::states() const {
  std::vector<GpuState> states;
  for (const StateRow& row : kStates) {
    states.push_back(
        {row.name, row.unit, [this, read = row.read] { return reading(read(*nvml_, device_)); }});
  }
  return states;
}

Json NvmlGpu::about() const {
  Json about{{"uuid", nvml_->uuid(device_).value.value_or("")},
             {"driver", nvml_->driver_version().value.value_or("")}};
  if (const auto limit = nvml_->power_limit_w(device_); limit.value) {
    about["power_limit_w"] = *limit.value;
  }
  if (const auto bus = nvml_->pci_bus_id(device_); bus.value) about["pci_bus_id"] = *bus.value;
  const std::vector<nvml::MigInstance> instances = nvml_->mig_instances(device_);
  for (const nvml::MigInstance& instance : instances) {
    about["mig_instances"].push_back({{"uuid", instance.uuid}, {"name", instance.name}});
  }
  return about;
}

std::string NvmlGpu::why_not_split() const {
  if (!nvml_->mig_enabled(device_).value.value_or(false)) return "";
  std::string instances;
  for (const nvml::MigInstance& instance : nvml_->mig_instances(device_)) {
    instances += (instances.empty() ? " (" : ", ") + instance.name;
  }
  if (!instances.empty()) instances += ")";
  return "GPU " + std::to_string(index_) + " is split into MIG instances" + instances +
         ": power and energy are those of the whole GPU and cannot be split between them; what "
         "other instances do is part of the result. Temperature, clocks and power limit are shared "
         "too, and the driver tells no utilization";
}

std::optional<std::vector<std::string>> NvmlGpu::throttled_by() {
  const NvmlResult<uint64_t> reasons = nvml_->throttle_reasons(device_);
  if (!reasons.value) return std::nullopt;
  return throttle_names(*reasons.value);
}

std::vector<unsigned> NvmlGpu::processes() const {
  return nvml_->process_ids(device_).value.value_or(std::vector<unsigned>{});
}

OpenedGpus open_gpus(const std::shared_ptr<const Nvml>& nvml, const std::vector<int>& indices,
                     bool all, const std::string& sys_root) {
  OpenedGpus opened;
  std::vector<int> wanted = indices;
  if (all) {
    wanted.clear();
    const unsigned count = nvml->device_count().value.value_or(0);
    for (unsigned i = 0; i < count; ++i) wanted.push_back(static_cast<int>(i));
  }
  for (const int index : wanted) {
    const auto device = nvml->device(static_cast<unsigned>(index));
    if (device.value) {
      opened.gpus.push_back(std::make_shared<NvmlGpu>(nvml, index, *device.value, sys_root));
      continue;
    }
    const bool denied = device.code == nvml::kNoPermission;
    opened.missing.push_back(
        {Component::kGpu, "nvml",
         "GPU " + std::to_string(index) + ": " + nvml->error_text(device.code),
         denied ? "give this user access to /dev/nvidia" + std::to_string(index) : ""});
  }
  return opened;
}

}  // namespace aieb
