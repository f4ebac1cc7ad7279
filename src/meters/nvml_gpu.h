#pragma once

#include <memory>
#include <string>
#include <vector>

#include "meters/gpu_sensors.h"
#include "meters/nvml_api.h"

namespace aieb {

/// An NVIDIA GPU through NVML.
///
/// Energy: the driver's total-energy counter (Volta and newer), millijoules. Power: the instant
/// field where the driver has it, else the average field (mean of 1 s), else
/// nvmlDeviceGetPowerUsage. States: utilization and memory_utilization (%), memory_used and
/// memory_total (B), temperature (degC), sm_clock and memory_clock (MHz), memory_power and
/// power_limit (mW: parts and limits of a power that is measured above, which nothing may add).
class NvmlGpu : public GpuSensors {
 public:
  NvmlGpu(std::shared_ptr<const Nvml> nvml, int index, nvml::Device device, std::string sys_root);

  [[nodiscard]] std::string meter() const override { return "nvml"; }
  [[nodiscard]] int index() const override { return index_; }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::optional<GpuCounter> counter() const override;
  [[nodiscard]] GpuReading energy_j() const override;
  [[nodiscard]] std::vector<GpuPowerSource> power_sources() const override;
  [[nodiscard]] std::vector<GpuPowerSource> module_power_sources() const override;
  /// The NUMA node of the CPU beside it: GPUs of one module (GB200 has two) share it.
  [[nodiscard]] int module_index() const override;
  [[nodiscard]] std::vector<GpuState> states() const override;
  [[nodiscard]] Json about() const override;
  [[nodiscard]] std::string why_not_split() const override;
  std::optional<std::vector<std::string>> throttled_by() override;
  [[nodiscard]] std::vector<unsigned> processes() const override;

 private:
  [[nodiscard]] GpuReading reading(const NvmlResult<double>& result) const;
  [[nodiscard]] GpuPowerSource field_source(nvml::Field field, nvml::Scope scope,
                                            const std::string& what, int64_t averaging_ns) const;

  std::shared_ptr<const Nvml> nvml_;
  int index_;
  nvml::Device device_;
  std::string name_;
  std::string sys_root_;
};

/// GPUs by NVML index (`all`: every one).
OpenedGpus open_gpus(const std::shared_ptr<const Nvml>& nvml, const std::vector<int>& indices,
                     bool all, const std::string& sys_root = "/sys");

}  // namespace aieb
