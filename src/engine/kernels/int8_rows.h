#pragma once

#include <ATen/core/Tensor.h>

namespace aieb::engine {

/// What LLM.int8 (arXiv:2208.07339, section 3) makes of activations [rows, width] before a product:
/// each row rounded to 255 levels between ± its largest magnitude, but columns that hold a
/// magnitude of 6 or more in any row as they are.
at::Tensor round_to_int8(const at::Tensor& x);

}  // namespace aieb::engine
