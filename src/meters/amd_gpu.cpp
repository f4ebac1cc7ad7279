#include "meters/amd_gpu.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <utility>

#include "core/clock.h"
#include "meters/kfd.h"
#include "meters/pci.h"

namespace aieb {
namespace {

constexpr double kJoulesPerMicrojoule = 1e-6;
constexpr double kMilliwattsPerWatt = 1e3;
constexpr double kWholeWatts = 1;
/// AMD states no time for its average; what NVIDIA's takes is assumed.
constexpr int64_t kAssumedAveraging = 1'000'000'000;
constexpr std::chrono::milliseconds kValidation{40};
/// How far counter and power may be apart before the counter is not believed. At start the load
/// changes and an average lags, so that only what is wrong altogether can be told.
constexpr double kMostApart = 10;
constexpr double kCountsOf32Bits = 4294967296.0;
constexpr const char* kVendor = "0x1002";

using amdsmi::Handle;

struct StateRow {
  const char* name;
  const char* unit;
  AmdResult<double> (*read)(const AmdSmi&, Handle);
};

AmdResult<double> part(const AmdResult<amdsmi::Utilization>& result,
                       std::optional<double> amdsmi::Utilization::* member) {
  if (!result.value) return {std::nullopt, result.code};
  const std::optional<double>& value = (*result.value).*member;
  return {value, value ? amdsmi::kSuccess : amdsmi::kNoData};
}

constexpr StateRow kStates[] = {
    {"utilization", "%",
     [](const AmdSmi& s, Handle g) {
       return part(s.utilization(g), &amdsmi::Utilization::graphics_percent);
     }},
    {"memory_utilization", "%",
     [](const AmdSmi& s, Handle g) {
       return part(s.utilization(g), &amdsmi::Utilization::memory_percent);
     }},
    {"memory_used", "B", [](const AmdSmi& s, Handle g) { return s.memory_used_b(g); }},
    {"memory_total", "B", [](const AmdSmi& s, Handle g) { return s.memory_total_b(g); }},
    {"temperature", "degC",
     [](const AmdSmi& s, Handle g) {
       const AmdResult<double> hottest = s.temperature_c(g, amdsmi::kHotspot);
       return hottest.value ? hottest : s.temperature_c(g, amdsmi::kEdge);
     }},
    {"memory_temperature", "degC",
     [](const AmdSmi& s, Handle g) { return s.temperature_c(g, amdsmi::kVram); }},
    {"sm_clock", "MHz",
     [](const AmdSmi& s, Handle g) { return s.clock_mhz(g, amdsmi::kGraphics); }},
    {"memory_clock", "MHz",
     [](const AmdSmi& s, Handle g) { return s.clock_mhz(g, amdsmi::kMemory); }},
    {"power_limit", "mW",
     [](const AmdSmi& s, Handle g) { return scaled(s.power_limit_w(g), kMilliwattsPerWatt); }},
};

std::string watts(double power) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f W", power);
  return text;
}

}  // namespace

AmdGpu::AmdGpu(std::shared_ptr<const AmdSmi> smi, int index, Handle gpu, std::string sys_root)
    : smi_(std::move(smi)),
      index_(index),
      gpu_(gpu),
      name_(smi_->name(gpu).value.value_or("")),
      bus_id_(smi_->pci_bus_id(gpu).value.value_or("")),
      sys_root_(std::move(sys_root)),
      metrics_(sys_root_ + "/bus/pci/devices/" + bus_id_ + "/gpu_metrics") {
  if (name_.empty()) name_ = "AMD GPU";
}

GpuReading AmdGpu::reading(const AmdResult<double>& result) const {
  if (result.value) return {result.value, {}};
  return {std::nullopt, smi_->error_text(result.code)};
}

GpuReading AmdGpu::energy_j() const {
  return reading(part_of(energy(), [](const amdsmi::Energy& e) {
    return static_cast<double>(e.counts) * e.microjoules_per_count * kJoulesPerMicrojoule;
  }));
}

std::vector<GpuPowerSource> AmdGpu::power_sources() const {
  const auto source = [this](std::optional<double> amdsmi::Power::* member) {
    return [this, member]() -> GpuReading {
      const AmdResult<amdsmi::Power> power = smi_->power(gpu_);
      if (!power.value) return {std::nullopt, smi_->error_text(power.code)};
      if (!((*power.value).*member)) return {std::nullopt, "not told by this GPU"};
      return {(*power.value).*member, {}};
    };
  };
  return {
      {source(&amdsmi::Power::current_w), "socket_power.current", 0, kWholeWatts},
      {source(&amdsmi::Power::average_w), "socket_power.average", kAssumedAveraging, kWholeWatts},
  };
}

GpuReading AmdGpu::power_w() const {
  GpuReading reading;
  for (const GpuPowerSource& source : power_sources()) {
    reading = source.read_w();
    if (reading.value) break;
  }
  return reading;
}

std::vector<GpuState> AmdGpu::states() const {
  std::vector<GpuState> states;
  for (const StateRow& row : kStates) {
    states.push_back(
        {row.name, row.unit, [this, read = row.read] { return reading(read(*smi_, gpu_)); }});
  }
  return states;
}

Json AmdGpu::about() const {
  Json about{{"uuid", smi_->uuid(gpu_).value.value_or("")},
             {"driver", "amdsmi " + smi_->version()},
             {"pci_bus_id", bus_id_}};
  if (const auto limit = smi_->power_limit_w(gpu_); limit.value) {
    about["power_limit_w"] = *limit.value;
  }
  return about;
}

std::string AmdGpu::why_not_split() const {
  const std::string partition = smi_->partition(gpu_).value.value_or("SPX");
  if (partition.empty() || partition == "SPX" || partition == "N/A") return "";
  return "GPU " + std::to_string(index_) + " is divided into partitions (" + partition +
         "): power and energy are those of the whole GPU and cannot be split between them; what "
         "other partitions do is part of the result";
}

std::optional<std::vector<std::string>> AmdGpu::throttled_by() { return metrics_.throttled_by(); }

std::vector<unsigned> AmdGpu::processes() const { return kfd_processes(sys_root_, bus_id_); }

void AmdGpu::judge_counter(const AmdResult<amdsmi::Energy>& before,
                           const AmdResult<amdsmi::Energy>& after, double elapsed_s,
                           std::optional<double> power_w) {
  counter_.reset();
  counter_problem_.clear();
  if (!before.value || !after.value) return;
  const double step_j = after.value->microjoules_per_count * kJoulesPerMicrojoule;
  const auto counts = static_cast<double>(after.value->counts);
  const double rise = counts - static_cast<double>(before.value->counts);
  const std::string counter = "the energy counter of GPU " + std::to_string(index_) + " ";
  const std::string instead = ": its power is integrated instead";
  const double counted_w = rise * step_j / elapsed_s;
  if (counts == 0) {
    counter_problem_ = counter + "reads 0 (of an MI250 the first die counts for both)" + instead;
  } else if (rise == 0) {
    counter_problem_ = counter + "does not move" + instead;
  } else if (rise > 0 && power_w && *power_w > 0 &&
             (counted_w > kMostApart * *power_w || counted_w * kMostApart < *power_w)) {
    counter_problem_ =
        counter + "says " + watts(counted_w) + " where its power says " + watts(*power_w) + instead;
  }
  if (!counter_problem_.empty()) return;
  // Some models count in 32 bits. One that is past that does not; one that is below may.
  const bool may_wrap = counts < kCountsOf32Bits;
  counter_ = GpuCounter{may_wrap ? kCountsOf32Bits * step_j : 0, step_j};
}

void validate_counters(const std::vector<std::shared_ptr<AmdGpu>>& gpus) {
  struct First {
    AmdResult<amdsmi::Energy> energy;
    int64_t t_ns = 0;
  };
  std::vector<First> first;
  for (const std::shared_ptr<AmdGpu>& gpu : gpus) {
    first.push_back({gpu->energy(), now_ns()});
  }
  const bool any = std::any_of(first.begin(), first.end(),
                               [](const First& f) { return f.energy.value.has_value(); });
  if (!any) return;
  std::this_thread::sleep_for(kValidation);
  for (size_t i = 0; i < gpus.size(); ++i) {
    const AmdResult<amdsmi::Energy> after = gpus[i]->energy();
    const double elapsed_s = seconds(now_ns() - first[i].t_ns);
    gpus[i]->judge_counter(first[i].energy, after, elapsed_s, gpus[i]->power_w().value);
  }
}

bool amdsmi_is_named() { return std::getenv("AIEB_AMDSMI_LIBRARY") != nullptr; }

std::shared_ptr<const AmdSmi> open_amdsmi(const std::string& sys_root, AmdSmi::Failure& failure) {
  if (!amdsmi_is_named() && !amd_gpu_on_pci(sys_root, false)) return nullptr;
  return AmdSmi::open(failure);
}

bool amd_gpu_on_pci(const std::string& sys_root, bool accelerators_only) {
  return accelerators_only
             ? pci_device_exists(sys_root, kVendor, {kPciOtherDisplay, kPciAccelerator})
             : pci_device_exists(sys_root, kVendor, {kPciDisplay, kPciAccelerator});
}

MissingComponent amdsmi_problem(const AmdSmi::Failure& failure) {
  MissingComponent missing{Component::kGpu, "amdsmi", "", ""};
  if (!failure.found) {
    missing.reason = "there is an AMD GPU but no libamd_smi.so (" + failure.message + ")";
    missing.fix = "install ROCm's package amd-smi-lib, or name the library in AIEB_AMDSMI_LIBRARY";
  } else if (failure.code == amdsmi::kDriverNotLoaded) {
    missing.reason = "the AMD GPU driver is not loaded";
    missing.fix = "sudo modprobe amdgpu";
  } else {
    missing.reason = "amdsmi does not answer (" + failure.message + ")";
    if (failure.code == amdsmi::kNoPermission) {
      missing.fix = "sudo usermod -aG render,video $USER  # then log in anew";
    }
  }
  return missing;
}

OpenedGpus open_amd_gpus(const AmdGpuSource& source, const std::vector<int>& indices, bool all) {
  OpenedGpus opened;
  const std::vector<Handle> handles = source.smi->gpus();
  std::vector<std::shared_ptr<AmdGpu>> gpus;
  std::vector<int> wanted = indices;
  if (all) {
    wanted.resize(handles.size());
    std::iota(wanted.begin(), wanted.end(), source.first_index);
  }
  for (const int index : wanted) {
    const auto at = static_cast<size_t>(index - source.first_index);
    const std::string label = "GPU " + std::to_string(index);
    if (index < source.first_index || at >= handles.size()) {
      opened.missing.push_back({Component::kGpu, "amdsmi", label + ": there is no such GPU", ""});
      continue;
    }
    auto gpu = std::make_shared<AmdGpu>(source.smi, index, handles[at], source.sys_root);
    if (!gpu->integrated()) {
      gpus.push_back(std::move(gpu));
    } else if (!all) {
      opened.missing.push_back(
          {Component::kGpu, "amdsmi",
           label + " (" + gpu->name() + ") is part of the CPU, whose counters include it", ""});
    }
  }
  if (source.validate) validate_counters(gpus);
  opened.gpus.assign(gpus.begin(), gpus.end());
  return opened;
}

}  // namespace aieb
