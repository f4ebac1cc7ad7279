#include "engine/decoder/weight_arena.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "engine/kernels/cpu/huge_pages.h"

namespace aieb::engine {

at::Tensor WeightArena::place(const at::Tensor& tensor) {
  constexpr std::size_t kBlock = std::size_t{64} << 20;
  constexpr std::size_t kAlign = 64;  // a cache line
  const std::size_t bytes = tensor.nbytes();
  if (used_ + bytes > size_) {
    size_ = std::max(bytes, kBlock);
    block_ = cpu::allocate_huge(size_);
    used_ = 0;
  }
  const auto keep = [block = block_](void*) {};
  at::Tensor placed = at::from_blob(block_.get() + used_, tensor.sizes(), keep, tensor.options());
  placed.copy_(tensor);
  used_ += (bytes + kAlign - 1) / kAlign * kAlign;
  return placed;
}

}  // namespace aieb::engine
