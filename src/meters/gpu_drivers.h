#pragma once

#include <memory>
#include <string>
#include <vector>

#include "meters/amdsmi_api.h"
#include "meters/gpu_sensors.h"
#include "meters/nvml_api.h"

namespace aieb {

/// The GPU drivers of this machine, and the numbering that goes over all of their GPUs: NVIDIA's
/// first, by NVML index, then AMD's in amdsmi's order.
class GpuDrivers {
 public:
  explicit GpuDrivers(std::string sys_root);

  /// The GPUs of these indices (`all`: every one but graphics inside a CPU), by driver: those of a
  /// list share a meter for their power. An index that no driver knows is missing. Whether energy
  /// counters can be trusted is found out only `for_energy`, as it takes 40 ms.
  struct Opened {
    std::vector<std::vector<std::shared_ptr<GpuSensors>>> by_driver;
    std::vector<MissingComponent> missing;
  };
  [[nodiscard]] Opened open(const std::vector<int>& indices, bool all,
                            bool for_energy = true) const;

 private:
  [[nodiscard]] std::vector<MissingComponent> absent_drivers(bool asked) const;

  std::string sys_root_;
  std::shared_ptr<const Nvml> nvml_;
  Nvml::Failure nvml_failure_;
  int nvidia_gpus_ = 0;
  std::shared_ptr<const AmdSmi> amdsmi_;
  AmdSmi::Failure amdsmi_failure_;
};

/// Every GPU of every driver, in order of the indices; not for their energy.
std::vector<std::shared_ptr<GpuSensors>> open_every_gpu(const std::string& sys_root);

}  // namespace aieb
