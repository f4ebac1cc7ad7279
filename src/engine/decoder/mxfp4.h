#pragma once

#include <ATen/core/Tensor.h>

namespace aieb::engine {

/// Decodes MXFP4 (OCP Microscaling v1.0): 32 E2M1 values share a power-of-two scale. `blocks` is
/// uint8 [..., groups, 16] with two values a byte, the low nibble first; `scales` is uint8
/// [..., groups], exponent + 127. Returns [..., groups · 32].
at::Tensor decode_mxfp4(const at::Tensor& blocks, const at::Tensor& scales, at::ScalarType dtype);

}  // namespace aieb::engine
