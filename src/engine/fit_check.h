#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/decoder/device_plan.h"
#include "engine/decoder/outline.h"
#include "engine/free_memory.h"
#include "engine/placement/shortage.h"

namespace aieb::engine {

/// What a run asks of the memory, known before anything is loaded.
struct MemoryDemand {
  int64_t batch = 0;      ///< sequences at a time; 0: not known
  int64_t positions = 0;  ///< that each is certain to need
};

/// Knows what a placed model takes on every device, and says so when a device has less.
class FitCheck {
 public:
  FitCheck(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
           const std::optional<Quantisation>& quantisation, const Outline& outline,
           const DevicePlan& plan, std::vector<Lane> others, FreeMemory free);

  /// Bytes of keys and values of one token of one sequence on each lane.
  [[nodiscard]] const std::vector<int64_t>& cache_bytes() const { return cache_bytes_; }
  /// Bytes of weights by place, as computed from the headers.
  [[nodiscard]] const std::map<Place, int64_t>& weights() const { return weights_; }

  /// Before loading: throws OutOfMemory when the weights, or with them the cache that `demand` is
  /// certain to need, do not fit on a device.
  void require_weights(const MemoryDemand& demand) const;

  /// With the weights loaded: throws OutOfMemory when a cache does not fit on a device.
  void require_cache(const MemoryDemand& demand) const;

  /// The message for an allocation that failed although everything that is known fits. `detail` are
  /// the allocator's own words.
  [[nodiscard]] std::string failed_allocation(const MemoryDemand& demand,
                                              const std::string& detail) const;

 private:
  [[nodiscard]] Shortage describe(const Lane& lane, int64_t free) const;
  /// Asks the other devices, which wakes them, and throws.
  [[noreturn]] void refuse(Shortage shortage) const;
  void note_elsewhere(Shortage& shortage) const;
  /// The same for a lane of the plan, with the cache that lies there.
  [[nodiscard]] Shortage describe(size_t lane, int64_t free, const MemoryDemand& demand) const;

  std::vector<Lane> lanes_;
  std::vector<int64_t> cache_bytes_;  ///< of one position of one sequence, on each lane
  std::vector<Lane> others_;          ///< devices that the plan does not use and could
  std::map<Place, int64_t> weights_;
  int64_t staging_ = 0;
  int64_t parameters_ = 0;
  std::vector<SmallerWeights> smaller_;
  FreeMemory free_;
};

}  // namespace aieb::engine
