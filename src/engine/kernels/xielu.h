#pragma once

#include <ATen/core/Tensor.h>

namespace aieb::engine {

/// Coefficients of one layer's xIELU (Huang & Schlag 2024, arXiv:2411.13010), after the softplus
/// that keeps the stored ones positive:
/// positive·x² + beta·x for x > 0, negative·(e^min(x, eps) − 1 − x) + beta·x otherwise.
struct Xielu {
  double positive = 0;
  double negative = 0;
  double beta = 0.5;
  double eps = -1e-6;
};

/// x = xielu(x), in place.
void apply_xielu(const Xielu& xielu, at::Tensor& x);

}  // namespace aieb::engine
