#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/kernels/ops.h"

namespace aieb::engine {

/// Keys and values of a batch of sequences, allocated once for `capacity` positions. Those of a
/// layer lie on the device that runs it.
struct KvCache {
  std::vector<KvLayer> layers;
  int64_t batch = 0;
  int64_t capacity = 0;
  int64_t length = 0;  ///< entries in use, the same for all rows
  /// First valid entry of each row: left padding lies before it. Empty: nothing is padded.
  std::vector<int64_t> start_of;
  /// The same on each lane of the plan, int64 [batch]; undefined: nothing is padded.
  std::vector<at::Tensor> starts;
  /// Where `starts` always lie: recorded graphs point there.
  std::vector<at::Tensor> starts_memory;

  [[nodiscard]] bool is_padded() const { return !start_of.empty(); }

  /// Forgets all entries and sets the padding of the next sequences.
  void reset(std::vector<int64_t> new_starts);
};

}  // namespace aieb::engine
