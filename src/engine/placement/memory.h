#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace aieb::engine {

/// A place for weights: the number of a GPU, "cpu" or "disk".
using Place = std::string;

/// Limits in bytes in the order in which places are filled: GPUs ascending, the CPU, the disk. Not
/// whole: shares of free memory are taken.
struct PlaceLimit {
  Place place;
  double bytes = 0;

  [[nodiscard]] bool is_gpu() const { return place != "cpu" && place != "disk"; }
};
using PlaceLimits = std::vector<PlaceLimit>;

/// Bytes of "20GB" (10⁹), "20GiB" (2³⁰), the same for M and K, or of a whole number. The unit may
/// be written in small letters, but a small b after a decimal unit means bits ("20Gb" is 2.5 GB).
/// Throws ConfigError naming `key`. Accelerate's rules (utils/modeling.py).
int64_t memory_bytes(const Json& size, const std::string& key);

/// `max_memory` of the configuration. Throws ConfigError for a place or size that is none.
PlaceLimits user_limits(const Json& max_memory);

/// What is free, where the user sets no limits: GPUs as they are, a tenth of the CPU's memory is
/// left alone.
PlaceLimits free_limits(const std::map<int, int64_t>& gpus, int64_t cpu);

}  // namespace aieb::engine
