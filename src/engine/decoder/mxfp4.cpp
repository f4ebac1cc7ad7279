#include "engine/decoder/mxfp4.h"

#include <ATen/ATen.h>

namespace aieb::engine {

at::Tensor decode_mxfp4(const at::Tensor& blocks, const at::Tensor& scales, at::ScalarType dtype) {
  if (!blocks.defined() || !scales.defined()) return {};
  const at::Tensor values = at::tensor({0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F, 6.0F, -0.0F,
                                        -0.5F, -1.0F, -1.5F, -2.0F, -3.0F, -4.0F, -6.0F})
                                .to(dtype);
  std::vector<int64_t> shape = scales.sizes().vec();
  shape.back() *= 32;
  at::Tensor out = at::empty(shape, values.options());
  constexpr int64_t kExponentBias = 127;
  for (int64_t e = 0; e < blocks.size(0); ++e) {  // one expert at a time bounds the temporaries
    const at::Tensor nibbles =
        at::stack({blocks[e].bitwise_and(15), blocks[e].bitwise_right_shift(4)}, -1);
    const at::Tensor mantissa = values.index({nibbles.flatten(-2).to(at::kLong)});
    const at::Tensor exponent = (scales[e].to(at::kInt) - kExponentBias).unsqueeze(-1);
    out[e].copy_(at::ldexp(mantissa.to(at::kFloat), exponent).flatten(-2));
  }
  return out;
}

}  // namespace aieb::engine
