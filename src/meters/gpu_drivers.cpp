#include "meters/gpu_drivers.h"

#include <utility>

#include "meters/amd_gpu.h"
#include "meters/gpu_probe.h"
#include "meters/nvml_gpu.h"

namespace aieb {

GpuDrivers::GpuDrivers(std::string sys_root) : sys_root_(std::move(sys_root)) {
  nvml_ = Nvml::open(nvml_failure_);
  if (nvml_) nvidia_gpus_ = static_cast<int>(nvml_->device_count().value.value_or(0));
  amdsmi_ = open_amdsmi(sys_root_, amdsmi_failure_);
}

GpuDrivers::Opened GpuDrivers::open(const std::vector<int>& indices, bool all,
                                    bool for_energy) const {
  Opened out;
  const auto take = [&](OpenedGpus opened) {
    out.missing.insert(out.missing.end(), opened.missing.begin(), opened.missing.end());
    if (!opened.gpus.empty()) out.by_driver.push_back(std::move(opened.gpus));
  };
  if (!nvml_ && !amdsmi_) {
    out.missing = absent_drivers(!indices.empty());
    return out;
  }
  std::vector<int> nvidia;
  std::vector<int> amd;
  for (const int index : indices) {
    const bool of_amd = amdsmi_ && (!nvml_ || index >= nvidia_gpus_);
    (of_amd ? amd : nvidia).push_back(index);
  }
  if (nvml_) take(open_gpus(nvml_, nvidia, all, sys_root_));
  if (amdsmi_) {
    take(open_amd_gpus({amdsmi_, nvidia_gpus_, sys_root_, for_energy}, amd, all));
  }
  return out;
}

/// Why there is no driver. A machine without GPU misses none, and neither does one that has AMD
/// graphics for its screen only.
std::vector<MissingComponent> GpuDrivers::absent_drivers(bool asked) const {
  std::vector<MissingComponent> missing;
  if (amd_gpu_on_pci(sys_root_, true)) missing.push_back(amdsmi_problem(amdsmi_failure_));
  if ((asked && missing.empty()) || nvidia_gpu_on_pci(sys_root_)) {
    missing.push_back({Component::kGpu, "nvml", probe_gpus(sys_root_).problem, ""});
  }
  return missing;
}

std::vector<std::shared_ptr<GpuSensors>> open_every_gpu(const std::string& sys_root) {
  std::vector<std::shared_ptr<GpuSensors>> gpus;
  for (auto& of_driver : GpuDrivers(sys_root).open({}, true, false).by_driver) {
    gpus.insert(gpus.end(), of_driver.begin(), of_driver.end());
  }
  return gpus;
}

}  // namespace aieb
