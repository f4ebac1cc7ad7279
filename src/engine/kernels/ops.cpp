#include "engine/kernels/ops.h"

#include <ATen/ATen.h>

namespace aieb::engine {

at::Tensor step_index(const Step& step, at::Device device) {
  if (step.index.defined()) return step.index;
  const auto options = at::TensorOptions().dtype(at::kLong).device(device);
  return at::arange(step.past, step.length(), options);
}

at::Tensor step_positions(const Step& step, at::Device device) {
  const at::Tensor index = step_index(step, device).unsqueeze(0);
  if (!step.starts.defined()) return index.expand({step.batch, -1}).reshape({-1});
  return (index - step.starts.unsqueeze(1)).clamp_min(0).reshape({-1});
}

}  // namespace aieb::engine
