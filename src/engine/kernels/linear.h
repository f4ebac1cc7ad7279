#pragma once

#include <ATen/core/Tensor.h>

namespace aieb::engine {

/// y = x · weightᵀ + bias. The one place where matrix weights live: other storage formats
/// (quantised, packed) are further members here and further branches in the Ops that read them.
struct Linear {
  at::Tensor weight;  ///< [out, in], contiguous
  at::Tensor bias;    ///< [out], or undefined

  [[nodiscard]] bool defined() const { return weight.defined(); }
  [[nodiscard]] int64_t in_features() const { return weight.size(1); }
  [[nodiscard]] int64_t out_features() const { return weight.size(0); }
};

}  // namespace aieb::engine
