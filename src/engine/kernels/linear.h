#pragma once

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/quantise/packed_matrix.h"

namespace aieb::engine {

/// y = x · weightᵀ + bias. The one place where matrix weights live: dense, or packed.
struct Linear {
  at::Tensor weight;                      ///< [out, in], contiguous; undefined when packed
  at::Tensor bias;                        ///< [out], or undefined
  std::vector<PackedMatrix> packed = {};  ///< rows after rows, instead of weight
  at::ScalarType stored = at::kFloat;     ///< type that unpacked values are rounded to
  /// Type of products with unpacked values; absent: of x.
  std::optional<at::ScalarType> compute = std::nullopt;

  [[nodiscard]] bool is_packed() const { return !packed.empty(); }
  [[nodiscard]] bool defined() const { return weight.defined() || is_packed(); }
  [[nodiscard]] int64_t in_features() const {
    return is_packed() ? packed.front().cols : weight.size(1);
  }
  [[nodiscard]] int64_t out_features() const {
    if (!is_packed()) return weight.size(0);
    return std::accumulate(packed.begin(), packed.end(), int64_t{0},
                           [](int64_t sum, const PackedMatrix& part) { return sum + part.rows; });
  }
};

}  // namespace aieb::engine
