#include "core/stop.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/error.h"

namespace aieb {
namespace {

thread_local std::stop_token thread_stop;

}  // namespace

StopScope::StopScope(std::stop_token stop) : before_(std::exchange(thread_stop, std::move(stop))) {}

StopScope::~StopScope() { thread_stop = std::move(before_); }

std::stop_token stop_of_thread() { return thread_stop; }

void throw_if_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Stopped();
}

void sleep_unless_stopped(double duration_s, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, std::chrono::duration<double>(duration_s), [] { return false; });
}

}  // namespace aieb
