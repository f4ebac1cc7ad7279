#include "meters/nvml_api.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <dlfcn.h>

namespace aieb {
namespace {

using nvml::Device;

constexpr double kWattsPerMilliwatt = 1e-3;
constexpr double kJoulesPerMillijoule = 1e-3;
constexpr unsigned kTemperatureGpu = 0;  // nvmlTemperatureSensors_t
constexpr unsigned kTextLength = 128;    // longer than every *_BUFFER_SIZE of NVML

using Calls = DriverCalls<nvml::kFunctionNotFound>;

/// Calls function(arguments..., buffer, length).
template <typename Function, typename... Arguments>
NvmlResult<std::string> get_text(Function* function, Arguments... arguments) {
  std::array<char, kTextLength> text{};
  const int code = Calls::call(function, arguments..., text.data(), kTextLength);
  if (code != nvml::kSuccess) return {std::nullopt, code};
  return {std::string(text.data()), code};
}

}  // namespace

/// Entry points by their exported names; null where this driver has none.
struct Nvml::Functions {
  int (*nvmlInit_v2)() = nullptr;
  int (*nvmlShutdown)() = nullptr;
  const char* (*nvmlErrorString)(int) = nullptr;
  int (*nvmlSystemGetDriverVersion)(char*, unsigned) = nullptr;
  int (*nvmlSystemGetCudaDriverVersion_v2)(int*) = nullptr;
  int (*nvmlDeviceGetCount_v2)(unsigned*) = nullptr;
  int (*nvmlDeviceGetHandleByIndex_v2)(unsigned, Device*) = nullptr;
  int (*nvmlDeviceGetName)(Device, char*, unsigned) = nullptr;
  int (*nvmlDeviceGetUUID)(Device, char*, unsigned) = nullptr;
  int (*nvmlDeviceGetTotalEnergyConsumption)(Device, unsigned long long*) = nullptr;
  int (*nvmlDeviceGetPowerUsage)(Device, unsigned*) = nullptr;
  int (*nvmlDeviceGetFieldValues)(Device, int, nvml::FieldValue*) = nullptr;
  int (*nvmlDeviceGetEnforcedPowerLimit)(Device, unsigned*) = nullptr;
  int (*nvmlDeviceGetTemperature)(Device, unsigned, unsigned*) = nullptr;
  int (*nvmlDeviceGetClockInfo)(Device, unsigned, unsigned*) = nullptr;
  int (*nvmlDeviceGetUtilizationRates)(Device, nvml::Utilization*) = nullptr;
  int (*nvmlDeviceGetMemoryInfo)(Device, nvml::MemoryInfo*) = nullptr;
  int (*nvmlDeviceGetCurrentClocksThrottleReasons)(Device, unsigned long long*) = nullptr;
  int (*nvmlDeviceGetMigMode)(Device, unsigned*, unsigned*) = nullptr;
  int (*nvmlDeviceGetMaxMigDeviceCount)(Device, unsigned*) = nullptr;
  int (*nvmlDeviceGetMigDeviceHandleByIndex)(Device, unsigned, Device*) = nullptr;
  int (*nvmlDeviceGetPciInfo_v3)(Device, nvml::PciInfo*) = nullptr;
  int (*nvmlDeviceGetComputeRunningProcesses_v3)(Device, unsigned*, nvml::ProcessInfo*) = nullptr;

  explicit Functions(void* library) {
#define AIEB_LOAD(function) \
  function = reinterpret_cast<decltype(function)>(::dlsym(library, #function))
    AIEB_LOAD(nvmlInit_v2);
    AIEB_LOAD(nvmlShutdown);
    AIEB_LOAD(nvmlErrorString);
    AIEB_LOAD(nvmlSystemGetDriverVersion);
    AIEB_LOAD(nvmlSystemGetCudaDriverVersion_v2);
    AIEB_LOAD(nvmlDeviceGetCount_v2);
    AIEB_LOAD(nvmlDeviceGetHandleByIndex_v2);
    AIEB_LOAD(nvmlDeviceGetName);
    AIEB_LOAD(nvmlDeviceGetUUID);
    AIEB_LOAD(nvmlDeviceGetTotalEnergyConsumption);
    AIEB_LOAD(nvmlDeviceGetPowerUsage);
    AIEB_LOAD(nvmlDeviceGetFieldValues);
    AIEB_LOAD(nvmlDeviceGetEnforcedPowerLimit);
    AIEB_LOAD(nvmlDeviceGetTemperature);
    AIEB_LOAD(nvmlDeviceGetClockInfo);
    AIEB_LOAD(nvmlDeviceGetUtilizationRates);
    AIEB_LOAD(nvmlDeviceGetMemoryInfo);
    AIEB_LOAD(nvmlDeviceGetCurrentClocksThrottleReasons);
    AIEB_LOAD(nvmlDeviceGetMigMode);
    AIEB_LOAD(nvmlDeviceGetMaxMigDeviceCount);
    AIEB_LOAD(nvmlDeviceGetMigDeviceHandleByIndex);
    AIEB_LOAD(nvmlDeviceGetPciInfo_v3);
    AIEB_LOAD(nvmlDeviceGetComputeRunningProcesses_v3);
#undef AIEB_LOAD
  }
};

std::shared_ptr<Nvml> Nvml::open(Failure& failure) {
  const char* chosen = std::getenv("AIEB_NVML_LIBRARY");
  void* library = ::dlopen(chosen != nullptr ? chosen : "libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr && chosen == nullptr) {
    library = ::dlopen("/usr/lib/wsl/lib/libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  }
  if (library == nullptr) {
    failure = {false, nvml::kSuccess, ::dlerror()};
    return nullptr;
  }
  auto functions = std::make_unique<Functions>(library);
  const int code = Calls::call(functions->nvmlInit_v2);
  if (code != nvml::kSuccess) {
    failure = {true, code, "nvmlInit_v2 returned " + std::to_string(code)};
    if (functions->nvmlErrorString != nullptr) failure.message = functions->nvmlErrorString(code);
    ::dlclose(library);
    return nullptr;
  }
  return std::shared_ptr<Nvml>(new Nvml(library, std::move(functions)));
}

Nvml::Nvml(void* library, std::unique_ptr<Functions> functions)
    : library_(library), functions_(std::move(functions)) {}

Nvml::~Nvml() {
  Calls::call(functions_->nvmlShutdown);
  ::dlclose(library_);
}

NvmlResult<std::string> Nvml::driver_version() const {
  return get_text(functions_->nvmlSystemGetDriverVersion);
}

NvmlResult<int> Nvml::cuda_version() const {
  return Calls::get<int>(functions_->nvmlSystemGetCudaDriverVersion_v2);
}

NvmlResult<unsigned> Nvml::device_count() const {
  return Calls::get<unsigned>(functions_->nvmlDeviceGetCount_v2);
}

NvmlResult<Device> Nvml::device(unsigned index) const {
  return Calls::get<Device>(functions_->nvmlDeviceGetHandleByIndex_v2, index);
}

NvmlResult<std::string> Nvml::name(Device device) const {
  return get_text(functions_->nvmlDeviceGetName, device);
}

NvmlResult<std::string> Nvml::uuid(Device device) const {
  return get_text(functions_->nvmlDeviceGetUUID, device);
}

NvmlResult<double> Nvml::energy_j(Device device) const {
  return scaled(
      Calls::get<unsigned long long>(functions_->nvmlDeviceGetTotalEnergyConsumption, device),
      kJoulesPerMillijoule);
}

NvmlResult<double> Nvml::power_w(Device device) const {
  return scaled(Calls::get<unsigned>(functions_->nvmlDeviceGetPowerUsage, device),
                kWattsPerMilliwatt);
}

NvmlResult<double> Nvml::field(Device device, nvml::Field field, nvml::Scope scope) const {
  nvml::FieldValue value{};
  value.field = field;
  value.scope = scope;
  const int code = Calls::call(functions_->nvmlDeviceGetFieldValues, device, 1, &value);
  if (code != nvml::kSuccess) return {std::nullopt, code};
  if (value.status != nvml::kSuccess) return {std::nullopt, value.status};
  switch (value.value_type) {
    case nvml::kUnsigned:
      return {value.value.u, code};
    case nvml::kUnsignedLong:
    case nvml::kUnsignedLongLong:
      return {static_cast<double>(value.value.ull), code};
    case nvml::kDouble:
      return {value.value.d, code};
    default:
      return {std::nullopt, nvml::kUnknown};
  }
}

NvmlResult<double> Nvml::field_power_w(Device device, nvml::Field field, nvml::Scope scope) const {
  return scaled(this->field(device, field, scope), kWattsPerMilliwatt);
}

NvmlResult<double> Nvml::power_limit_w(Device device) const {
  return scaled(Calls::get<unsigned>(functions_->nvmlDeviceGetEnforcedPowerLimit, device),
                kWattsPerMilliwatt);
}

NvmlResult<unsigned> Nvml::temperature_c(Device device) const {
  return Calls::get<unsigned>(functions_->nvmlDeviceGetTemperature, device, kTemperatureGpu);
}

NvmlResult<unsigned> Nvml::clock_mhz(Device device, nvml::Clock clock) const {
  return Calls::get<unsigned>(functions_->nvmlDeviceGetClockInfo, device,
                              static_cast<unsigned>(clock));
}

NvmlResult<nvml::Utilization> Nvml::utilization(Device device) const {
  return Calls::get<nvml::Utilization>(functions_->nvmlDeviceGetUtilizationRates, device);
}

NvmlResult<nvml::MemoryInfo> Nvml::memory(Device device) const {
  return Calls::get<nvml::MemoryInfo>(functions_->nvmlDeviceGetMemoryInfo, device);
}

NvmlResult<uint64_t> Nvml::throttle_reasons(Device device) const {
  const auto reasons =
      Calls::get<unsigned long long>(functions_->nvmlDeviceGetCurrentClocksThrottleReasons, device);
  return {reasons.value, reasons.code};
}

NvmlResult<bool> Nvml::mig_enabled(Device device) const {
  unsigned current = 0;
  unsigned pending = 0;
  const int code = Calls::call(functions_->nvmlDeviceGetMigMode, device, &current, &pending);
  if (code != nvml::kSuccess) return {std::nullopt, code};
  return {current == 1, code};
}

std::vector<nvml::MigInstance> Nvml::mig_instances(Device device) const {
  std::vector<nvml::MigInstance> instances;
  if (!mig_enabled(device).value.value_or(false)) return instances;
  const auto most = Calls::get<unsigned>(functions_->nvmlDeviceGetMaxMigDeviceCount, device);
  for (unsigned i = 0; i < most.value.value_or(0); ++i) {
    const auto instance =
        Calls::get<Device>(functions_->nvmlDeviceGetMigDeviceHandleByIndex, device, i);
    if (!instance.value) continue;  // places without an instance are skipped, not at the end
    instances.push_back(
        {uuid(*instance.value).value.value_or(""), name(*instance.value).value.value_or("")});
  }
  return instances;
}

NvmlResult<std::string> Nvml::pci_bus_id(Device device) const {
  const auto info = Calls::get<nvml::PciInfo>(functions_->nvmlDeviceGetPciInfo_v3, device);
  if (!info.value) return {std::nullopt, info.code};
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.0", info.value->domain, info.value->bus,
                info.value->device);
  return {std::string(text.data()), info.code};
}

NvmlResult<std::vector<unsigned>> Nvml::process_ids(Device device) const {
  std::array<nvml::ProcessInfo, 256> processes{};
  unsigned count = processes.size();
  const int code = Calls::call(functions_->nvmlDeviceGetComputeRunningProcesses_v3, device, &count,
                               processes.data());
  if (code != nvml::kSuccess) return {std::nullopt, code};
  std::vector<unsigned> ids;
  for (unsigned i = 0; i < count; ++i) ids.push_back(processes.at(i).pid);
  return {std::move(ids), code};
}

std::string Nvml::error_text(int code) const {
  if (functions_->nvmlErrorString == nullptr) return "NVML error " + std::to_string(code);
  return functions_->nvmlErrorString(code);
}

std::vector<std::string> throttle_names(uint64_t reasons) {
  constexpr std::array<std::pair<uint64_t, const char*>, 7> kReasons{{
      {0x04, "power_cap"},
      {0x08, "hardware_slowdown"},
      {0x10, "sync_boost"},
      {0x20, "thermal"},
      {0x40, "hardware_thermal"},
      {0x80, "power_brake"},
      {0x100, "display_clocks"},
  }};
  std::vector<std::string> names;
  for (const auto& [bit, name] : kReasons) {
    if ((reasons & bit) != 0) names.emplace_back(name);
  }
  return names;
}

}  // namespace aieb
