#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aieb {

/// One NVIDIA GPU. `index` counts in NVML's order (by PCI bus), which differs from CUDA's when
/// CUDA_VISIBLE_DEVICES or CUDA_DEVICE_ORDER say so: match devices by `uuid`.
struct GpuDevice {
  int index = 0;
  std::string name;
  std::string uuid;  ///< "GPU-…"
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

/// NVML indices of the GPUs on which one of the processes computes, ascending. Empty without a
/// driver. Inside a container the driver names processes by their ids on the host, so none match.
std::vector<int> gpus_of_processes(const std::vector<int>& pids);

}  // namespace aieb
