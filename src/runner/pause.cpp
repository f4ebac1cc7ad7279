#include "runner/pause.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace aieb {

void sleep_unless_stopped(double duration_s, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, std::chrono::duration<double>(duration_s), [] { return false; });
}

}  // namespace aieb
