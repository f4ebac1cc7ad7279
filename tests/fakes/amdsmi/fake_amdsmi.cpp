// A libamd_smi.so without hardware, for tests: loaded through the real dlopen path with
// AIEB_AMDSMI_LIBRARY, driven by the script that AIEB_FAKE_AMDSMI_SCRIPT names
// (tests/fakes/gpu/script.h has its language). It writes structures as the releases do whose major
// version the script chooses. Time 0 is amdsmi_init; a test may set the time itself with
// fake_amdsmi_set_time.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "fakes/gpu/runtime.h"

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using fake_gpu::Gpu;

constexpr int kInvalid = 1;
constexpr int kOutOfResources = 15;
constexpr int kGpuType = 1;
constexpr int kCpuType = 2;
constexpr uint32_t kUnknown32 = 0xffffffff;
constexpr uint32_t kUnknown16 = 0xffff;

fake_gpu::Runtime runtime;
char cpu_processor;  ///< a processor that is no GPU, beside the first one

const Gpu& gpu_of(void* handle) { return *static_cast<const Gpu*>(handle); }
size_t index_of(void* handle) {
  return static_cast<size_t>(static_cast<const Gpu*>(handle) - runtime.script().gpus.data());
}

/// Writes numbers one after the other, as a structure of numbers of this width holds them.
template <typename T>
char* put(void* at, std::initializer_list<T> values) {
  std::memcpy(at, values.begin(), values.size() * sizeof(T));
  return static_cast<char*>(at) + values.size() * sizeof(T);
}

template <typename T>
int answer(void* handle, const char* call, T* out, double value) {
  const int fault = runtime.enter(gpu_of(handle), call);
  if (fault == 0) *out = static_cast<T>(value);
  return fault;
}

int list(const std::vector<void*>& handles, uint32_t* count, void** out) {
  if (out != nullptr) {
    if (*count < handles.size()) return kOutOfResources;
    std::copy(handles.begin(), handles.end(), out);
  }
  *count = static_cast<uint32_t>(handles.size());
  return 0;
}

}  // namespace

FAKE_EXPORT void fake_amdsmi_set_time(double seconds) { runtime.set_time(seconds); }

FAKE_EXPORT int amdsmi_init(uint64_t) { return runtime.start("AIEB_FAKE_AMDSMI_SCRIPT"); }

FAKE_EXPORT int amdsmi_shut_down() {
  runtime.stop();
  return 0;
}

FAKE_EXPORT int amdsmi_status_code_to_string(int status, const char** out) {
  *out = status == 2    ? "AMDSMI_STATUS_NOT_SUPPORTED"
         : status == 10 ? "AMDSMI_STATUS_NO_PERM"
         : status == 34 ? "AMDSMI_STATUS_DRIVER_NOT_LOADED"
                        : "AMDSMI_STATUS_API_FAILED";
  return 0;
}

FAKE_EXPORT int amdsmi_get_lib_version(void* out) {
  put<uint32_t>(out, {runtime.script().library_version, 5, 1});
  return 0;
}

FAKE_EXPORT int amdsmi_get_socket_handles(uint32_t* count, void** out) {
  std::vector<void*> sockets;
  for (Gpu& gpu : runtime.script().gpus) sockets.push_back(&gpu);
  return list(sockets, count, out);
}

FAKE_EXPORT int amdsmi_get_processor_handles(void* socket, uint32_t* count, void** out) {
  if (index_of(socket) == 0) return list({&cpu_processor, socket}, count, out);
  return list({socket}, count, out);
}

FAKE_EXPORT int amdsmi_get_processor_type(void* processor, int* out) {
  *out = processor == &cpu_processor ? kCpuType : kGpuType;
  return 0;
}

FAKE_EXPORT int amdsmi_get_gpu_asic_info(void* gpu, void* out) {
  const std::string& name = gpu_of(gpu).name;
  std::memcpy(out, name.c_str(), name.size() + 1);
  return 0;
}

FAKE_EXPORT int amdsmi_get_gpu_device_uuid(void* gpu, unsigned* length, char* out) {
  *length = static_cast<unsigned>(std::snprintf(out, *length, "a5ff-fake-%zu", index_of(gpu)));
  return 0;
}

FAKE_EXPORT int amdsmi_get_gpu_device_bdf(void* gpu, uint64_t* out) {
  *out = (0xc1 + index_of(gpu)) << 8;
  return 0;
}

FAKE_EXPORT int amdsmi_get_energy_count(void* handle, uint64_t* counts, float* resolution,
                                        uint64_t* timestamp) {
  const Gpu& gpu = gpu_of(handle);
  const int fault = runtime.enter(gpu, "energy");
  if (fault != 0) return fault;
  const double t_s = runtime.now_s();
  const double microjoules = static_cast<double>(fake_gpu::energy_mj(gpu, t_s)) * 1000;
  double count = std::floor(microjoules * gpu.counter_gain / gpu.microjoules_per_count);
  if (gpu.counts_wrap > 0) count = std::fmod(count, gpu.counts_wrap);
  *counts = static_cast<uint64_t>(count);
  *resolution = static_cast<float>(gpu.microjoules_per_count);
  *timestamp = static_cast<uint64_t>(t_s * 1e9);
  return 0;
}

/// Before 25: all of 32 bits, "unknown" being 16 ones. Since 25 one number of 64 bits comes first.
FAKE_EXPORT int amdsmi_get_power_info(void* handle, void* out) {
  const Gpu& gpu = gpu_of(handle);
  const int fault = runtime.enter(gpu, "power");
  if (fault != 0) return fault;
  const auto watts =
      static_cast<uint32_t>(std::lround(fake_gpu::value_at(gpu.power_w, runtime.now_s(), 0)));
  const bool wide = runtime.script().library_version >= 25;
  const uint32_t unknown = wide ? kUnknown32 : kUnknown16;
  void* at = wide ? put<uint64_t>(out, {watts}) : out;
  const uint32_t current = gpu.has_current_power ? watts : unknown;
  const uint32_t average = gpu.has_current_power ? unknown : watts;
  put<uint32_t>(at, {current, average, 850, 850, 850, 750});
  return 0;
}

FAKE_EXPORT int amdsmi_get_power_cap_info(void* gpu, uint32_t sensor, void* out) {
  if (sensor != 0) return kInvalid;
  put<uint64_t>(out, {750'000'000, 750'000'000, 2100, 0, 750'000'000});
  return runtime.enter(gpu_of(gpu), "power_limit");
}

FAKE_EXPORT int amdsmi_get_temp_metric(void* gpu, int sensor, int metric, int64_t* out) {
  if (metric != 0) return kInvalid;
  const char* names[] = {"edge", "temperature", "memory_temperature"};
  if (sensor > 2) return 2;
  return answer(gpu, names[sensor], out,
                fake_gpu::value_at(gpu_of(gpu).temperature, runtime.now_s(), 40) - sensor);
}

FAKE_EXPORT int amdsmi_get_clock_info(void* gpu, int clock, void* out) {
  const int fault = runtime.enter(gpu_of(gpu), clock == 0 ? "sm_clock" : "memory_clock");
  const double mhz = clock == 0 ? gpu_of(gpu).sm_clock : 1300;
  put<uint32_t>(out, {static_cast<uint32_t>(mhz), 132, 2100});
  return fault;
}

FAKE_EXPORT int amdsmi_get_gpu_activity(void* gpu, void* out) {
  put<uint32_t>(out, {static_cast<uint32_t>(gpu_of(gpu).utilization), 12, kUnknown32});
  return runtime.enter(gpu_of(gpu), "utilization");
}

FAKE_EXPORT int amdsmi_get_gpu_memory_total(void* gpu, int, uint64_t* out) {
  return answer(gpu, "memory", out, gpu_of(gpu).memory_total);
}

FAKE_EXPORT int amdsmi_get_gpu_memory_usage(void* gpu, int, uint64_t* out) {
  return answer(gpu, "memory", out, gpu_of(gpu).memory_used);
}

FAKE_EXPORT int amdsmi_get_gpu_compute_partition(void* gpu, char* out, uint32_t length) {
  std::snprintf(out, length, "%s", gpu_of(gpu).partition.c_str());
  return runtime.enter(gpu_of(gpu), "partition");
}
