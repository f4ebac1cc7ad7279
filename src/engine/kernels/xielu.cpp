#include "engine/kernels/xielu.h"

#include <ATen/ATen.h>

namespace aieb::engine {

void apply_xielu(const Xielu& xielu, at::Tensor& x) {
  const at::Tensor above = x * x * xielu.positive;
  const at::Tensor below = (x.clamp_max(xielu.eps).expm1() - x) * xielu.negative;
  x.copy_(at::where(x > 0, above, below) + x * xielu.beta);
}

}  // namespace aieb::engine
