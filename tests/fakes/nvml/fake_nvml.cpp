// A libnvidia-ml.so.1 without hardware, for tests: loaded through the real dlopen path with
// AIEB_NVML_LIBRARY, driven by the script that AIEB_FAKE_NVML_SCRIPT names (script.h has its
// language). Time 0 is nvmlInit; a test may set the time itself with fake_nvml_set_time.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "fakes/nvml/script.h"
#include "meters/nvml_api.h"

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using fake_nvml::Gpu;
using nvml_device = void*;

constexpr int kInvalidArgument = 2;
constexpr int kInsufficientSize = 7;

fake_nvml::Script script;
std::chrono::steady_clock::time_point started;
std::atomic<double> fixed_time{-1};

double now_s() {
  const double fixed = fixed_time.load();
  if (fixed >= 0) return fixed;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

/// Blocks for the call's cost, then returns its fault (0: none).
int enter(const Gpu& gpu, const char* call) {
  if (!gpu.cost_ms.empty()) {
    if (const auto cost = gpu.cost_ms.find(call); cost != gpu.cost_ms.end()) {
      std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(cost->second));
    }
  }
  return gpu.faults.empty() ? 0 : fake_nvml::fault_at(gpu, call, now_s());
}

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
  return fake_nvml::value_at(gpu_of(device).power_w, now_s(), 0);
}

}  // namespace

FAKE_EXPORT void fake_nvml_set_time(double seconds) { fixed_time = seconds; }

FAKE_EXPORT int nvmlInit_v2() {
  const char* path = std::getenv("AIEB_FAKE_NVML_SCRIPT");
  try {
    script = fake_nvml::read_script(path == nullptr ? "" : path);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fake NVML: %s\n", error.what());
    std::abort();
  }
  started = std::chrono::steady_clock::now();
  return script.init_code;
}

FAKE_EXPORT int nvmlShutdown() { return 0; }

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
  return answer_text(script.driver, out, length);
}

FAKE_EXPORT int nvmlSystemGetCudaDriverVersion_v2(int* out) {
  *out = script.cuda;
  return 0;
}

FAKE_EXPORT int nvmlDeviceGetCount_v2(unsigned* out) {
  *out = static_cast<unsigned>(script.gpus.size());
  return 0;
}

FAKE_EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, nvml_device* out) {
  if (index >= script.gpus.size()) return kInvalidArgument;
  *out = &script.gpus[index];
  return enter(script.gpus[index], "handle");
}

FAKE_EXPORT int nvmlDeviceGetName(nvml_device device, char* out, unsigned length) {
  return answer_text(gpu_of(device).name, out, length);
}

FAKE_EXPORT int nvmlDeviceGetUUID(nvml_device device, char* out, unsigned length) {
  const auto index = static_cast<const Gpu*>(device) - script.gpus.data();
  return answer_text("GPU-fake-" + std::to_string(index), out, length);
}

FAKE_EXPORT int nvmlDeviceGetTotalEnergyConsumption(nvml_device device, unsigned long long* out) {
  const int fault = enter(gpu_of(device), "energy");
  if (fault == 0) *out = fake_nvml::energy_mj(gpu_of(device), now_s());
  return fault;
}

FAKE_EXPORT int nvmlDeviceGetPowerUsage(nvml_device device, unsigned* out) {
  return answer(device, "power", out, power_w(device) * 1000);
}

FAKE_EXPORT int nvmlDeviceGetFieldValues(nvml_device device, int count,
                                         aieb::nvml::FieldValue* out) {
  for (int i = 0; i < count; ++i) {
    const bool known =
        out[i].field == aieb::nvml::kPowerInstant || out[i].field == aieb::nvml::kPowerAverage;
    out[i].status = known ? enter(gpu_of(device), "field") : aieb::nvml::kNotSupported;
    out[i].value_type = aieb::nvml::kUnsigned;
    out[i].value.u = static_cast<unsigned>(power_w(device) * 1000);
  }
  return 0;
}

FAKE_EXPORT int nvmlDeviceGetEnforcedPowerLimit(nvml_device device, unsigned* out) {
  return answer(device, "power_limit", out, 700'000);
}

FAKE_EXPORT int nvmlDeviceGetTemperature(nvml_device device, unsigned, unsigned* out) {
  return answer(device, "temperature", out,
                fake_nvml::value_at(gpu_of(device).temperature, now_s(), 40));
}

FAKE_EXPORT int nvmlDeviceGetClockInfo(nvml_device device, unsigned, unsigned* out) {
  return answer(device, "sm_clock", out, gpu_of(device).sm_clock);
}

FAKE_EXPORT int nvmlDeviceGetUtilizationRates(nvml_device device, aieb::nvml::Utilization* out) {
  out->memory = 0;
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
  return answer(device, "throttle", out, fake_nvml::value_at(gpu_of(device).throttle, now_s(), 0));
}

FAKE_EXPORT int nvmlDeviceGetMigMode(nvml_device device, unsigned* current, unsigned* pending) {
  *pending = 0;
  return answer(device, "mig", current, gpu_of(device).mig ? 1 : 0);
}

FAKE_EXPORT int nvmlDeviceGetComputeRunningProcesses_v3(nvml_device device, unsigned* count,
                                                        aieb::nvml::ProcessInfo* out) {
  const Gpu& gpu = gpu_of(device);
  if (*count < gpu.pids.size()) return kInsufficientSize;
  *count = static_cast<unsigned>(gpu.pids.size());
  for (size_t i = 0; i < gpu.pids.size(); ++i) out[i] = {gpu.pids[i], 1 << 20, ~0U, ~0U};
  return enter(gpu, "processes");
}
