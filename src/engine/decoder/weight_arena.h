#pragma once

#include <cstddef>
#include <memory>

#include <ATen/core/Tensor.h>

namespace aieb::engine {

/// Where the weights of a model on the CPU live: one after the other in huge pages, in the order
/// they were placed. Tensors keep their memory alive; the arena may go first.
class WeightArena {
 public:
  /// A contiguous tensor without values yet.
  at::Tensor reserve(at::IntArrayRef sizes, at::ScalarType type);
  /// A contiguous copy of `tensor`, which is on the CPU.
  at::Tensor place(const at::Tensor& tensor);

 private:
  std::shared_ptr<std::byte> block_;
  std::size_t used_ = 0;
  std::size_t size_ = 0;
};

}  // namespace aieb::engine
