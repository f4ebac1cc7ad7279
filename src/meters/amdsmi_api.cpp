#include "meters/amdsmi_api.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <dlfcn.h>

#include "meters/pci.h"

namespace aieb {
namespace {

using amdsmi::Handle;
using Calls = DriverCalls<amdsmi::kNotSupported>;

constexpr uint64_t kInitGpus = 2;
constexpr int kTemperatureCurrent = 0;
constexpr int kMemoryVram = 0;
constexpr uint32_t kFirstPowerSensor = 0;
/// From this major version on the power structure begins with one more field, of 64 bits.
constexpr uint32_t kWidePowerSince = 25;
/// Power limits are in µW, in some releases in W: no GPU has a limit of 10 kW or of 10 mW.
constexpr double kMostWatts = 10'000;
constexpr double kWattsPerMicrowatt = 1e-6;
constexpr unsigned kTextLength = 128;

/// Larger than every structure of the library that is read here, and zeroed, so that neither a
/// longer structure of a newer release does harm nor a shorter one of an older release leaves
/// anything undefined.
struct Buffer {
  alignas(8) std::array<char, 8192> bytes{};

  template <typename T>
  [[nodiscard]] T at(size_t offset) const {
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  }
};

template <typename Function, typename... Arguments>
DriverResult<Buffer> fill(Function* function, Arguments... arguments) {
  Buffer buffer;
  const int code = Calls::call(function, arguments..., static_cast<void*>(buffer.bytes.data()));
  if (code != amdsmi::kSuccess) return {std::nullopt, code};
  return {buffer, code};
}

/// A number of 32 bits in which the library writes all ones (of 16 or 32 bits) for "unknown".
std::optional<double> known(uint32_t value) {
  if (value == UINT32_MAX || value == UINT16_MAX) return std::nullopt;
  return value;
}

std::string text_of(int (*status_code_to_string)(int, const char**), int code) {
  const auto text = Calls::get<const char*>(status_code_to_string, code);
  if (!text.value || *text.value == nullptr) return "amdsmi status " + std::to_string(code);
  return *text.value;
}

template <typename T>
DriverResult<T> no_data() {
  return {std::nullopt, amdsmi::kNoData};
}

}  // namespace

/// Entry points by their exported names; null where this release has none. `void*` stands for a
/// structure whose layout depends on the release.
struct AmdSmi::Functions {
  int (*amdsmi_init)(uint64_t) = nullptr;
  int (*amdsmi_shut_down)() = nullptr;
  int (*amdsmi_status_code_to_string)(int, const char**) = nullptr;
  int (*amdsmi_get_lib_version)(void*) = nullptr;
  int (*amdsmi_get_socket_handles)(uint32_t*, Handle*) = nullptr;
  int (*amdsmi_get_processor_handles)(Handle, uint32_t*, Handle*) = nullptr;
  int (*amdsmi_get_processor_type)(Handle, int*) = nullptr;
  int (*amdsmi_get_gpu_asic_info)(Handle, void*) = nullptr;
  int (*amdsmi_get_gpu_device_uuid)(Handle, unsigned*, char*) = nullptr;
  int (*amdsmi_get_gpu_device_bdf)(Handle, uint64_t*) = nullptr;
  int (*amdsmi_get_energy_count)(Handle, uint64_t*, float*, uint64_t*) = nullptr;
  int (*amdsmi_get_power_info)(Handle, void*) = nullptr;
  int (*amdsmi_get_power_cap_info)(Handle, uint32_t, void*) = nullptr;
  int (*amdsmi_get_temp_metric)(Handle, int, int, int64_t*) = nullptr;
  int (*amdsmi_get_clock_info)(Handle, int, void*) = nullptr;
  int (*amdsmi_get_gpu_activity)(Handle, void*) = nullptr;
  int (*amdsmi_get_gpu_memory_total)(Handle, int, uint64_t*) = nullptr;
  int (*amdsmi_get_gpu_memory_usage)(Handle, int, uint64_t*) = nullptr;
  int (*amdsmi_get_gpu_compute_partition)(Handle, char*, uint32_t) = nullptr;

  explicit Functions(void* library) {
#define AIEB_LOAD(function) \
  function = reinterpret_cast<decltype(function)>(::dlsym(library, #function))
    AIEB_LOAD(amdsmi_init);
    AIEB_LOAD(amdsmi_shut_down);
    AIEB_LOAD(amdsmi_status_code_to_string);
    AIEB_LOAD(amdsmi_get_lib_version);
    AIEB_LOAD(amdsmi_get_socket_handles);
    AIEB_LOAD(amdsmi_get_processor_handles);
    AIEB_LOAD(amdsmi_get_processor_type);
    AIEB_LOAD(amdsmi_get_gpu_asic_info);
    AIEB_LOAD(amdsmi_get_gpu_device_uuid);
    AIEB_LOAD(amdsmi_get_gpu_device_bdf);
    AIEB_LOAD(amdsmi_get_energy_count);
    AIEB_LOAD(amdsmi_get_power_info);
    AIEB_LOAD(amdsmi_get_power_cap_info);
    AIEB_LOAD(amdsmi_get_temp_metric);
    AIEB_LOAD(amdsmi_get_clock_info);
    AIEB_LOAD(amdsmi_get_gpu_activity);
    AIEB_LOAD(amdsmi_get_gpu_memory_total);
    AIEB_LOAD(amdsmi_get_gpu_memory_usage);
    AIEB_LOAD(amdsmi_get_gpu_compute_partition);
#undef AIEB_LOAD
  }
};

namespace {

void* load(std::string& error) {
  if (const char* chosen = std::getenv("AIEB_AMDSMI_LIBRARY"); chosen != nullptr) {
    void* library = ::dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) error = ::dlerror();
    return library;
  }
  for (const char* name : {"libamd_smi.so", "libamd_smi.so.26", "libamd_smi.so.25",
                           "libamd_smi.so.24", "/opt/rocm/lib/libamd_smi.so"}) {
    void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) return library;
    error = ::dlerror();
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<AmdSmi> AmdSmi::open(Failure& failure) {
  std::string error;
  void* library = load(error);
  if (library == nullptr) {
    failure = {false, amdsmi::kSuccess, error};
    return nullptr;
  }
  auto functions = std::make_unique<Functions>(library);
  const int code = Calls::call(functions->amdsmi_init, kInitGpus);
  if (code != amdsmi::kSuccess) {
    failure = {true, code, text_of(functions->amdsmi_status_code_to_string, code)};
    ::dlclose(library);
    return nullptr;
  }
  return std::shared_ptr<AmdSmi>(new AmdSmi(library, std::move(functions)));
}

AmdSmi::AmdSmi(void* library, std::unique_ptr<Functions> functions)
    : library_(library), functions_(std::move(functions)) {
  const auto version = fill(functions_->amdsmi_get_lib_version);
  if (version.value) std::memcpy(version_, version.value->bytes.data(), sizeof(version_));
}

AmdSmi::~AmdSmi() {
  Calls::call(functions_->amdsmi_shut_down);
  ::dlclose(library_);
}

std::string AmdSmi::version() const {
  return std::to_string(version_[0]) + "." + std::to_string(version_[1]) + "." +
         std::to_string(version_[2]);
}

std::vector<Handle> AmdSmi::gpus() const {
  const auto list = [](auto* function, auto... arguments) {
    uint32_t count = 0;
    std::vector<Handle> handles;
    Handle* const none = nullptr;
    if (Calls::call(function, arguments..., &count, none) != amdsmi::kSuccess) return handles;
    handles.resize(count);
    const int code = Calls::call(function, arguments..., &count, handles.data());
    handles.resize(code == amdsmi::kSuccess ? count : 0);
    return handles;
  };
  std::vector<Handle> gpus;
  for (const Handle socket : list(functions_->amdsmi_get_socket_handles)) {
    for (const Handle processor : list(functions_->amdsmi_get_processor_handles, socket)) {
      const auto type = Calls::get<int>(functions_->amdsmi_get_processor_type, processor);
      if (!type.value || *type.value == amdsmi::kAmdGpu) gpus.push_back(processor);
    }
  }
  return gpus;
}

AmdResult<std::string> AmdSmi::name(Handle gpu) const {
  const auto asic = fill(functions_->amdsmi_get_gpu_asic_info, gpu);
  if (!asic.value) return {std::nullopt, asic.code};
  return {std::string(asic.value->bytes.data()), asic.code};
}

AmdResult<std::string> AmdSmi::uuid(Handle gpu) const {
  std::array<char, kTextLength> text{};
  unsigned length = kTextLength;
  const int code = Calls::call(functions_->amdsmi_get_gpu_device_uuid, gpu, &length, text.data());
  if (code != amdsmi::kSuccess) return {std::nullopt, code};
  return {std::string(text.data()), code};
}

/// The library packs function (3 bits), device (5), bus (8) and domain (48) from the lowest bit on.
AmdResult<std::string> AmdSmi::pci_bus_id(Handle gpu) const {
  const auto bdf = Calls::get<uint64_t>(functions_->amdsmi_get_gpu_device_bdf, gpu);
  if (!bdf.value) return {std::nullopt, bdf.code};
  const auto part = [&](int shift, uint64_t mask) {
    return static_cast<unsigned>((*bdf.value >> shift) & mask);
  };
  return {pci_address(part(16, 0xffffffff), part(8, 0xff), part(3, 0x1f), part(0, 0x7)), bdf.code};
}

AmdResult<amdsmi::Energy> AmdSmi::energy(Handle gpu) const {
  amdsmi::Energy energy;
  uint64_t timestamp = 0;
  const int code = Calls::call(functions_->amdsmi_get_energy_count, gpu, &energy.counts,
                               &energy.microjoules_per_count, &timestamp);
  if (code != amdsmi::kSuccess) return {std::nullopt, code};
  if (!(energy.microjoules_per_count > 0)) return no_data<amdsmi::Energy>();
  return {energy, code};
}

AmdResult<amdsmi::Power> AmdSmi::power(Handle gpu) const {
  const auto info = fill(functions_->amdsmi_get_power_info, gpu);
  if (!info.value) return {std::nullopt, info.code};
  const size_t current = version_[0] >= kWidePowerSince ? sizeof(uint64_t) : 0;
  amdsmi::Power power;
  power.current_w = known(info.value->at<uint32_t>(current));
  power.average_w = known(info.value->at<uint32_t>(current + sizeof(uint32_t)));
  return {power, info.code};
}

AmdResult<double> AmdSmi::power_limit_w(Handle gpu) const {
  const auto info = fill(functions_->amdsmi_get_power_cap_info, gpu, kFirstPowerSensor);
  if (!info.value) return {std::nullopt, info.code};
  const auto limit = static_cast<double>(info.value->at<uint64_t>(0));
  return {limit > kMostWatts ? limit * kWattsPerMicrowatt : limit, info.code};
}

AmdResult<double> AmdSmi::temperature_c(Handle gpu, amdsmi::Sensor sensor) const {
  return scaled(Calls::get<int64_t>(functions_->amdsmi_get_temp_metric, gpu,
                                    static_cast<int>(sensor), kTemperatureCurrent),
                1);
}

AmdResult<double> AmdSmi::clock_mhz(Handle gpu, amdsmi::Clock clock) const {
  const auto info = fill(functions_->amdsmi_get_clock_info, gpu, static_cast<int>(clock));
  if (!info.value) return {std::nullopt, info.code};
  const auto mhz = known(info.value->at<uint32_t>(0));
  return mhz ? AmdResult<double>{mhz, info.code} : no_data<double>();
}

AmdResult<amdsmi::Utilization> AmdSmi::utilization(Handle gpu) const {
  const auto info = fill(functions_->amdsmi_get_gpu_activity, gpu);
  if (!info.value) return {std::nullopt, info.code};
  return {amdsmi::Utilization{known(info.value->at<uint32_t>(0)),
                              known(info.value->at<uint32_t>(sizeof(uint32_t)))},
          info.code};
}

AmdResult<double> AmdSmi::memory_total_b(Handle gpu) const {
  return scaled(Calls::get<uint64_t>(functions_->amdsmi_get_gpu_memory_total, gpu, kMemoryVram), 1);
}

AmdResult<double> AmdSmi::memory_used_b(Handle gpu) const {
  return scaled(Calls::get<uint64_t>(functions_->amdsmi_get_gpu_memory_usage, gpu, kMemoryVram), 1);
}

AmdResult<std::string> AmdSmi::partition(Handle gpu) const {
  std::array<char, kTextLength> text{};
  const int code = Calls::call(functions_->amdsmi_get_gpu_compute_partition, gpu, text.data(),
                               static_cast<uint32_t>(text.size()));
  if (code != amdsmi::kSuccess) return {std::nullopt, code};
  return {std::string(text.data()), code};
}

std::string AmdSmi::error_text(int code) const {
  return text_of(functions_->amdsmi_status_code_to_string, code);
}

}  // namespace aieb
