#pragma once

#include "engine/kernels/ops.h"

namespace aieb::engine {

/// Every operation with ATen's operators: any device, type and shape.
class AtenOps : public Ops {
 public:
  [[nodiscard]] at::ScalarType activation_type(at::ScalarType weights) const override;
  void norm(const Norm& norm, const at::Tensor& x, at::Tensor& out) const override;
  void linear(const Linear& linear, const at::Tensor& x, at::Tensor& out) const override;
  void linear_add(const Linear& linear, const at::Tensor& x, at::Tensor& residual) const override;
  void add(const at::Tensor& x, double scale, at::Tensor& residual) const override;
  void attend(const Attention& attention, const Step& step, at::Tensor& qkv, KvLayer& cache,
              at::Tensor& out) const override;
  void activate(Activation activation, at::Tensor& x) const override;
  void gate(Activation activation, const at::Tensor& gate_up, at::Tensor& out) const override;
  void experts(const MoeSpec& spec, Activation activation, const Experts& experts,
               const at::Tensor& x, at::Tensor& out) const override;

  /// Up to this many rows on a GPU, the experts never wait for the device.
  static constexpr int64_t kFewRows = 8;
};

/// Additive mask of a step, [1 or batch, 1, tokens, keys] float in `type`, for the cache entries
/// first … step.length() − 1; undefined when every query sees all of them. A query sees entry k
/// when k ≤ its own index, k > index − window (window > 0), k lies in its own run of `chunk`
/// positions (chunk > 0) and k is not padding; it always sees itself, so that padded queries stay
/// finite.
at::Tensor attention_mask(const Step& step, int64_t window, int64_t chunk, int64_t first,
                          const at::TensorOptions& like);

}  // namespace aieb::engine
