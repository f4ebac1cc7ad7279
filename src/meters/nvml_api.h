#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "meters/driver_calls.h"

namespace aieb {

/// The few types of NVIDIA's Management Library that are used here, declared after its public API
/// documentation (docs.nvidia.com/deploy/nvml-api), so that no header of it is needed.
namespace nvml {

using Device = void*;

enum Return : int {
  kSuccess = 0,
  kNotSupported = 3,
  kNoPermission = 4,
  kDriverNotLoaded = 9,
  kFunctionNotFound = 13,
  kGpuIsLost = 15,
  kLibraryVersionMismatch = 18,
  kUnknown = 999,
};

enum Field : unsigned {
  kMemoryTemperature = 82,
  kPowerAverage = 185,  ///< mW, mean of 1 s
  kPowerInstant = 186,  ///< mW
};

/// What a power field is of.
enum Scope : unsigned {
  kScopeGpu = 0,
  kScopeModule = 1,  ///< with the CPU on the same module (Grace); others do not support it
  kScopeMemory = 2,  ///< the part that is memory; of H100 the average field only
};

enum Clock : unsigned { kClockSm = 1, kClockMemory = 2 };

enum ValueType : int { kDouble = 0, kUnsigned = 1, kUnsignedLong = 2, kUnsignedLongLong = 3 };

union Value {
  double d;
  unsigned u;
  unsigned long ul;
  unsigned long long ull;
};

struct FieldValue {
  unsigned field;
  unsigned scope;
  long long timestamp_us;
  long long latency_us;
  int value_type;
  int status;
  Value value;
};
static_assert(sizeof(FieldValue) == 40);

struct Utilization {
  unsigned gpu;
  unsigned memory;
};

struct MemoryInfo {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

struct ProcessInfo {
  unsigned pid;
  unsigned long long used_memory;
  unsigned gpu_instance;
  unsigned compute_instance;
};
static_assert(sizeof(ProcessInfo) == 24);

struct PciInfo {
  char legacy_bus_id[16];
  unsigned domain;
  unsigned bus;
  unsigned device;
  unsigned device_id;
  unsigned subsystem_id;
  char bus_id[32];  ///< "00000000:41:00.0"
};
static_assert(sizeof(PciInfo) == 68);

/// A part of a GPU in MIG mode.
struct MigInstance {
  std::string uuid;  ///< "MIG-…"
  std::string name;  ///< "NVIDIA H100 80GB HBM3 MIG 3g.40gb"
};

}  // namespace nvml

template <typename T>
using NvmlResult = DriverResult<T>;

/// The library, loaded with dlopen and initialised; shut down with the last user. Thread-safe, as
/// NVML is. A function that this driver's library lacks returns kFunctionNotFound.
class Nvml {
 public:
  /// Why the library could not be used.
  struct Failure {
    bool found = false;  ///< the library exists
    int code = nvml::kSuccess;
    std::string message;
  };

  /// Loads $AIEB_NVML_LIBRARY if that is set, else the driver's libnvidia-ml.so.1.
  /// Null with `failure` filled when there is none or it does not initialise.
  static std::shared_ptr<Nvml> open(Failure& failure);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  [[nodiscard]] NvmlResult<std::string> driver_version() const;
  [[nodiscard]] NvmlResult<int> cuda_version() const;  ///< 13000 for CUDA 13.0
  [[nodiscard]] NvmlResult<unsigned> device_count() const;
  [[nodiscard]] NvmlResult<nvml::Device> device(unsigned index) const;

  [[nodiscard]] NvmlResult<std::string> name(nvml::Device device) const;
  [[nodiscard]] NvmlResult<std::string> uuid(nvml::Device device) const;
  [[nodiscard]] NvmlResult<double> energy_j(nvml::Device device) const;  ///< since driver load
  [[nodiscard]] NvmlResult<double> power_w(nvml::Device device) const;  ///< nvmlDeviceGetPowerUsage
  [[nodiscard]] NvmlResult<double> field(nvml::Device device, nvml::Field field,
                                         nvml::Scope scope) const;
  [[nodiscard]] NvmlResult<double> field_power_w(nvml::Device device, nvml::Field field,
                                                 nvml::Scope scope = nvml::kScopeGpu) const;
  [[nodiscard]] NvmlResult<double> power_limit_w(nvml::Device device) const;  ///< enforced
  [[nodiscard]] NvmlResult<unsigned> temperature_c(nvml::Device device) const;
  [[nodiscard]] NvmlResult<unsigned> clock_mhz(nvml::Device device, nvml::Clock clock) const;
  [[nodiscard]] NvmlResult<nvml::Utilization> utilization(nvml::Device device) const;
  [[nodiscard]] NvmlResult<nvml::MemoryInfo> memory(nvml::Device device) const;
  [[nodiscard]] NvmlResult<uint64_t> throttle_reasons(nvml::Device device) const;
  [[nodiscard]] NvmlResult<bool> mig_enabled(nvml::Device device) const;
  /// The instances of a GPU in MIG mode; empty for others.
  [[nodiscard]] std::vector<nvml::MigInstance> mig_instances(nvml::Device device) const;
  /// As Linux writes it in /sys/bus/pci/devices: "0000:41:00.0".
  [[nodiscard]] NvmlResult<std::string> pci_bus_id(nvml::Device device) const;
  /// Compute processes; in a container the ids are those of the host.
  [[nodiscard]] NvmlResult<std::vector<unsigned>> process_ids(nvml::Device device) const;

  /// NVML's own text for a return code.
  [[nodiscard]] std::string error_text(int code) const;

 private:
  struct Functions;
  Nvml(void* library, std::unique_ptr<Functions> functions);
  void* library_;
  std::unique_ptr<Functions> functions_;
};

/// Names of the bits of throttle_reasons() that mean the GPU runs slower than it could (being idle
/// and clocks that the user set are not among them).
std::vector<std::string> throttle_names(uint64_t reasons);

}  // namespace aieb
