#include "engine/decoder/weight_arena.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "engine/kernels/cpu/huge_pages.h"

namespace aieb::engine {

at::Tensor WeightArena::reserve(at::IntArrayRef sizes, at::ScalarType type) {
  constexpr std::size_t kBlock = std::size_t{64} << 20;
  constexpr std::size_t kAlign = 64;  // a cache line
  const std::size_t bytes = c10::multiply_integers(sizes) * c10::elementSize(type);
  if (used_ + bytes > size_) {
    size_ = std::max(bytes, kBlock);
    block_ = cpu::allocate_huge(size_);
    used_ = 0;
  }
  const auto keep = [block = block_](void*) {};
  at::Tensor reserved =
      at::from_blob(block_.get() + used_, sizes, keep, at::TensorOptions().dtype(type));
  used_ += (bytes + kAlign - 1) / kAlign * kAlign;
  return reserved;
}

at::Tensor WeightArena::place(const at::Tensor& tensor) {
  at::Tensor placed = reserve(tensor.sizes(), tensor.scalar_type());
  placed.copy_(tensor);
  return placed;
}

}  // namespace aieb::engine
