#include "fakes/gpu/runtime.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace fake_gpu {
namespace {

std::atomic<double> fixed_time{-1};

double clock_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

int Runtime::start(const char* variable) {
  if (users_ > 0) {
    ++users_;
    return 0;
  }
  const char* path = std::getenv(variable);
  try {
    script_ = read_script(path == nullptr ? "" : path);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", variable, error.what());
    std::abort();
  }
  started_s_ = clock_s();
  if (script_.init_code == 0) ++users_;
  return script_.init_code;
}

void Runtime::stop() { --users_; }

void Runtime::set_time(double seconds) { fixed_time = seconds; }

double Runtime::now_s() const {
  const double fixed = fixed_time.load();
  return fixed >= 0 ? fixed : clock_s() - started_s_;
}

int Runtime::enter(const Gpu& gpu, const char* call) const {
  if (!gpu.cost_ms.empty()) {
    if (const auto cost = gpu.cost_ms.find(call); cost != gpu.cost_ms.end()) {
      std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(cost->second));
    }
  }
  return gpu.faults.empty() ? 0 : fault_at(gpu, call, now_s());
}

}  // namespace fake_gpu
