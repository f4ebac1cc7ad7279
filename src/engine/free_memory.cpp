#include "engine/free_memory.h"

#include <algorithm>
#include <fstream>
#include <string>

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/util/Exception.h>

namespace aieb::engine {
namespace {

/// The number after a key of a file of lines "key number …".
std::optional<int64_t> number_after(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    int64_t value = 0;
    if (word == key && file >> value) return value;
  }
  return std::nullopt;
}

std::optional<int64_t> number_in(const char* path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

/// Of a container's root cgroup (version 2); absent where there is no limit.
std::optional<int64_t> left_of_cgroup() {
  const auto limit = number_in("/sys/fs/cgroup/memory.max");
  const auto used = number_in("/sys/fs/cgroup/memory.current");
  if (!limit || !used) return std::nullopt;
  const int64_t cached = number_after("/sys/fs/cgroup/memory.stat", "inactive_file").value_or(0);
  return std::max<int64_t>(0, *limit - *used + cached);
}

std::optional<int64_t> free_on_cpu() {
  constexpr int64_t kKib = 1024;
  const auto kib = number_after("/proc/meminfo", "MemAvailable:");
  if (!kib) return std::nullopt;
  return std::min(*kib * kKib, left_of_cgroup().value_or(*kib * kKib));
}

std::optional<int64_t> free_on_gpu(at::Device device) {
  try {
    auto* allocator = c10::getDeviceAllocator(device.type());
    const auto [free, total] = allocator->getMemoryInfo(device.index());
    if (!allocator->initialized()) return static_cast<int64_t>(free);
    const auto stats = allocator->getDeviceStats(device.index());
    constexpr size_t kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    return static_cast<int64_t>(free) + stats.reserved_bytes[kAll].current -
           stats.allocated_bytes[kAll].current;
  } catch (const c10::Error&) {  // e.g. a GPU that cannot be used: loading says so
    return std::nullopt;
  }
}

}  // namespace

std::optional<int64_t> free_memory(const Lane& lane) {
  return lane.device.is_cuda() ? free_on_gpu(lane.device) : free_on_cpu();
}

}  // namespace aieb::engine
