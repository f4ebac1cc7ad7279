#include "meters/gpu_probe.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "meters/gpu_drivers.h"
#include "meters/nvml_api.h"
#include "meters/pci.h"

namespace aieb {
namespace {

/// The first driver branch that runs CUDA 13.
constexpr int kOldestDriver = 580;
constexpr const char* kElse = "; or set device: auto to run on the CPU";

std::string driver_problem(const Nvml::Failure& failure, const std::string& sys_root) {
  if (failure.code == nvml::kLibraryVersionMismatch) {
    return std::string("the NVIDIA driver was updated while the old one is still loaded: reboot") +
           kElse;
  }
  if (failure.code == nvml::kDriverNotLoaded) {
    return std::string(
               "the NVIDIA driver is installed but not loaded: run 'sudo modprobe nvidia', "
               "in a container start it with '--gpus all'") +
           kElse;
  }
  if (failure.found) return "the NVIDIA driver does not answer (" + failure.message + ")" + kElse;
  if (!nvidia_gpu_on_pci(sys_root)) {
    return std::string(
        "this machine has no NVIDIA GPU and no NVIDIA driver: set device: auto to "
        "run on the CPU");
  }
  return std::string(
             "there is an NVIDIA GPU but no driver (libnvidia-ml.so.1 not found): install "
             "driver 580 or newer, in a container start it with '--gpus all'") +
         kElse;
}

GpuDevice describe(const Nvml& nvml, nvml::Device device, unsigned index) {
  GpuDevice gpu;
  gpu.index = static_cast<int>(index);
  gpu.name = nvml.name(device).value.value_or("");
  gpu.uuid = nvml.uuid(device).value.value_or("");
  if (const auto memory = nvml.memory(device); memory.value) gpu.memory_bytes = memory.value->total;
  return gpu;
}

}  // namespace

GpuProbe probe_gpus(const std::string& sys_root) {
  GpuProbe probe;
  Nvml::Failure failure;
  const std::shared_ptr<Nvml> nvml = Nvml::open(failure);
  probe.driver_found = failure.found || nvml != nullptr;
  if (nvml == nullptr) {
    probe.problem = driver_problem(failure, sys_root);
    return probe;
  }
  probe.driver_version = nvml->driver_version().value.value_or("");
  probe.cuda_driver_version = nvml->cuda_version().value.value_or(0);
  const unsigned count = nvml->device_count().value.value_or(0);
  for (unsigned i = 0; i < count; ++i) {
    const auto device = nvml->device(i);
    if (device.value) probe.devices.push_back(describe(*nvml, *device.value, i));
  }
  if (probe.devices.empty()) {
    probe.problem = "the NVIDIA driver " + probe.driver_version +
                    " sees no GPU: check 'nvidia-smi', in a container start it with '--gpus all'" +
                    kElse;
  } else if (std::atoi(probe.driver_version.c_str()) < kOldestDriver) {
    probe.problem = "the NVIDIA driver " + probe.driver_version +
                    " is too old for CUDA 13: install driver 580 or newer" + kElse;
  }
  return probe;
}

bool nvidia_gpu_on_pci(const std::string& sys_root) {
  return pci_device_exists(sys_root, "0x10de", {kPciDisplay});
}

std::vector<GpuDevice> measurable_gpus(const std::string& sys_root) {
  std::vector<GpuDevice> devices;
  for (const std::shared_ptr<GpuSensors>& gpu : open_every_gpu(sys_root)) {
    devices.push_back({gpu->index(), gpu->name(), gpu->about().value("uuid", ""), std::nullopt});
  }
  return devices;
}

std::vector<int> gpus_of_processes(const std::vector<int>& pids, const std::string& sys_root) {
  std::vector<int> indices;
  for (const std::shared_ptr<GpuSensors>& gpu : open_every_gpu(sys_root)) {
    const std::vector<unsigned> users = gpu->processes();
    const bool ours = std::any_of(users.begin(), users.end(), [&](unsigned pid) {
      return std::find(pids.begin(), pids.end(), static_cast<int>(pid)) != pids.end();
    });
    if (ours) indices.push_back(gpu->index());
  }
  return indices;
}

}  // namespace aieb
