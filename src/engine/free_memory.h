#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include <ATen/core/Tensor.h>

#include "engine/decoder/device_plan.h"

namespace aieb::engine {

/// Bytes that can still be taken on a device; absent: not known.
using FreeMemory = std::function<std::optional<int64_t>(const Lane& lane)>;

/// Of a GPU: what is free, and what libtorch holds without using it. Of the CPU: the kernel's
/// MemAvailable, or what the limit of this process's cgroup leaves, whichever is less.
std::optional<int64_t> free_memory(const Lane& lane);

}  // namespace aieb::engine
