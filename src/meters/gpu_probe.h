#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aieb {

/// One GPU. `index` counts in the driver's order (NVML: by PCI bus), which differs from CUDA's when
/// CUDA_VISIBLE_DEVICES or CUDA_DEVICE_ORDER say so: match devices by `uuid`.
struct GpuDevice {
  int index = 0;
  std::string name;
  std::string uuid;  ///< NVIDIA's: "GPU-…"
  std::optional<uint64_t> memory_bytes;
};

/// What stands between this process and CUDA on an NVIDIA GPU.
struct GpuProbe {
  bool driver_found = false;
  std::string driver_version;   ///< "580.159.04"
  int cuda_driver_version = 0;  ///< 13000 for CUDA 13.0; 0 unknown
  std::vector<GpuDevice> devices;
  /// Why `device: cuda` cannot work (no driver, driver not loaded or too old for CUDA 13, no
  /// device), with what to do; empty when it can.
  std::string problem;
};

/// Asks the NVIDIA driver; takes as long as its initialisation. Never throws.
GpuProbe probe_gpus(const std::string& sys_root = "/sys");

/// True when the PCI bus lists an NVIDIA GPU, whether or not a driver serves it.
bool nvidia_gpu_on_pci(const std::string& sys_root);

/// Every GPU that a meter can measure: NVIDIA's by NVML index, then AMD's (without graphics inside
/// a CPU), whose indices go on from there.
std::vector<GpuDevice> measurable_gpus(const std::string& sys_root = "/sys");

/// Indices, as in `measurable_gpus`, of the GPUs on which one of the processes computes, ascending.
/// Empty without a driver. Inside a container the drivers name processes by their ids on the host,
/// so none match.
std::vector<int> gpus_of_processes(const std::vector<int>& pids,
                                   const std::string& sys_root = "/sys");

}  // namespace aieb
