// A libnvidia-ml.so.1 without hardware, for tests: loaded through the real dlopen path with
// AIEB_NVML_LIBRARY, driven by the script that AIEB_FAKE_NVML_SCRIPT names
// (tests/fakes/gpu/script.h has its language). Time 0 is nvmlInit; a test may set the time itself
// with fake_nvml_set_time.

#include <cstdio>
#include <cstring>
#include <map>
#include <utility>

#include "fakes/gpu/runtime.h"
#include "meters/nvml_api.h"

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using fake_gpu::Gpu;
using nvml_device = void*;

constexpr int kInvalidArgument = 2;
constexpr int kInsufficientSize = 7;

fake_gpu::Runtime runtime;

double now_s() { return runtime.now_s(); }
int enter(const Gpu& gpu, const char* call) { return runtime.enter(gpu, call); }

const Gpu& gpu_of(nvml_device device) { return *static_cast<const Gpu*>(device); }

template <typename T>
int answer(nvml_device device, const char* call, T* out, double value) {
  const int fault = enter(gpu_of(device), call);
  if (fault == 0) *out = static_cast<T>(value);
  return fault;
}

int answer_text(const std::string& text, char* out, unsigned length) {
  if (text.size() + 1 > length) return kInsufficientSize;
  std::memcpy(out, text.c_str(), text.size() + 1);
  return 0;
}

double power_w(nvml_device device) {
  return fake_gpu::value_at(gpu_of(device).power_w, now_s(), 0);
}

}  // namespace

FAKE_EXPORT void fake_nvml_set_time(double seconds) { runtime.set_time(seconds); }

FAKE_EXPORT int nvmlInit_v2() { return runtime.start("AIEB_FAKE_NVML_SCRIPT"); }

FAKE_EXPORT int nvmlShutdown() {
  runtime.stop();
  return 0;
}

FAKE_EXPORT const char* nvmlErrorString(int code) {
  switch (code) {
    case 3:
      return "Not Supported";
    case 4:
      return "Insufficient Permissions";
    case 9:
      return "Driver Not Loaded";
    case 15:
      return "GPU is lost";
    case 18:
      return "Driver/library version mismatch";
    default:
      return "Unknown Error";
  }
}

FAKE_EXPORT int nvmlSystemGetDriverVersion(char* out, unsigned length) {
  return answer_text(runtime.script().driver, out, length);
}

FAKE_EXPORT int nvmlSystemGetCudaDriverVersion_v2(int* out) {
  *out = runtime.script().cuda;
  return 0;
}

FAKE_EXPORT int nvmlDeviceGetCount_v2(unsigned* out) {
  *out = static_cast<unsigned>(runtime.script().gpus.size());
  return 0;
}

FAKE_EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, nvml_device* out) {
  if (index >= runtime.script().gpus.size()) return kInvalidArgument;
  *out = &runtime.script().gpus[index];
  return enter(runtime.script().gpus[index], "handle");
}

FAKE_EXPORT int nvmlDeviceGetName(nvml_device device, char* out, unsigned length) {
  return answer_text(gpu_of(device).name, out, length);
}

FAKE_EXPORT int nvmlDeviceGetUUID(nvml_device device, char* out, unsigned length) {
  const std::vector<Gpu>& gpus = runtime.script().gpus;
  for (size_t i = 0; i < gpus.size(); ++i) {
    if (&gpus[i] == device) return answer_text("GPU-fake-" + std::to_string(i), out, length);
  }
  return answer_text("MIG-fake-" + gpu_of(device).name, out, length);
}

FAKE_EXPORT int nvmlDeviceGetTotalEnergyConsumption(nvml_device device, unsigned long long* out) {
  const int fault = enter(gpu_of(device), "energy");
  if (fault == 0) *out = fake_gpu::energy_mj(gpu_of(device), now_s());
  return fault;
}

FAKE_EXPORT int nvmlDeviceGetPowerUsage(nvml_device device, unsigned* out) {
  return answer(device, "power", out, power_w(device) * 1000);
}

/// As an H100 does: of memory only the average, of a module only where there is one.
FAKE_EXPORT int nvmlDeviceGetFieldValues(nvml_device device, int count,
                                         aieb::nvml::FieldValue* out) {
  const Gpu& gpu = gpu_of(device);
  for (int i = 0; i < count; ++i) {
    const bool power =
        out[i].field == aieb::nvml::kPowerInstant || out[i].field == aieb::nvml::kPowerAverage;
    double value = -1;
    if (power && out[i].scope == aieb::nvml::kScopeGpu) value = power_w(device);
    if (power && out[i].scope == aieb::nvml::kScopeModule) value = gpu.module_power_w;
    if (out[i].field == aieb::nvml::kPowerAverage && out[i].scope == aieb::nvml::kScopeMemory) {
      value = gpu.memory_power_w;
    }
    out[i].status = value >= 0 ? enter(gpu, "field") : aieb::nvml::kNotSupported;
    out[i].value_type = aieb::nvml::kUnsigned;
    out[i].value.u = value >= 0 ? static_cast<unsigned>(value * 1000) : 0;
  }
  return 0;
}

FAKE_EXPORT int nvmlDeviceGetEnforcedPowerLimit(nvml_device device, unsigned* out) {
  return answer(device, "power_limit", out, 700'000);
}

FAKE_EXPORT int nvmlDeviceGetTemperature(nvml_device device, unsigned, unsigned* out) {
  return answer(device, "temperature", out,
                fake_gpu::value_at(gpu_of(device).temperature, now_s(), 40));
}

FAKE_EXPORT int nvmlDeviceGetClockInfo(nvml_device device, unsigned clock, unsigned* out) {
  if (clock == aieb::nvml::kClockMemory) return answer(device, "memory_clock", out, 2619);
  return answer(device, "sm_clock", out, gpu_of(device).sm_clock);
}

FAKE_EXPORT int nvmlDeviceGetUtilizationRates(nvml_device device, aieb::nvml::Utilization* out) {
  out->memory = 12;
  return answer(device, "utilization", &out->gpu, gpu_of(device).utilization);
}

FAKE_EXPORT int nvmlDeviceGetMemoryInfo(nvml_device device, aieb::nvml::MemoryInfo* out) {
  const Gpu& gpu = gpu_of(device);
  out->total = static_cast<unsigned long long>(gpu.memory_total);
  out->free = static_cast<unsigned long long>(gpu.memory_total - gpu.memory_used);
  return answer(device, "memory", &out->used, gpu.memory_used);
}

FAKE_EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(nvml_device device,
                                                          unsigned long long* out) {
  return answer(device, "throttle", out, fake_gpu::value_at(gpu_of(device).throttle, now_s(), 0));
}

FAKE_EXPORT int nvmlDeviceGetMigMode(nvml_device device, unsigned* current, unsigned* pending) {
  *pending = 0;
  return answer(device, "mig", current, gpu_of(device).mig ? 1 : 0);
}

FAKE_EXPORT int nvmlDeviceGetMaxMigDeviceCount(nvml_device, unsigned* out) {
  *out = 7;
  return 0;
}

/// Instances are GPUs of their own to NVML, though only their name and UUID are asked for here.
FAKE_EXPORT int nvmlDeviceGetMigDeviceHandleByIndex(nvml_device device, unsigned index,
                                                    nvml_device* out) {
  static std::map<std::pair<nvml_device, unsigned>, Gpu> instances;
  const Gpu& gpu = gpu_of(device);
  if (index >= gpu.mig_instances.size()) return kInvalidArgument;
  Gpu& instance = instances[{device, index}];
  instance.name = gpu.name + " MIG " + gpu.mig_instances[index];
  *out = &instance;
  return 0;
}

FAKE_EXPORT int nvmlDeviceGetPciInfo_v3(nvml_device device, aieb::nvml::PciInfo* out) {
  const std::string& id = gpu_of(device).bus_id;
  if (id.empty()) return aieb::nvml::kNotSupported;
  std::sscanf(id.c_str(), "%x:%x:%x", &out->domain, &out->bus, &out->device);
  return 0;
}

FAKE_EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(nvml_device device, unsigned* count,
                                                        aieb::nvml::ProcessInfo* out) {
  const Gpu& gpu = gpu_of(device);
  if (*count < gpu.pids.size()) return kInsufficientSize;
  *count = static_cast<unsigned>(gpu.pids.size());
  for (size_t i = 0; i < gpu.pids.size(); ++i) out[i] = {gpu.pids[i], 1 << 20, ~0U, ~0U};
  return enter(gpu, "processes");
}
