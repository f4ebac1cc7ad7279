#include "engine/kernels/aten_ops.h"

#include <ATen/ATen.h>

namespace aieb::engine {

at::ScalarType AtenOps::activation_type(at::ScalarType weights) const { return weights; }

void AtenOps::norm(const Norm& norm, const at::Tensor& x, at::Tensor& out) const {
  const std::vector<int64_t> width = {x.size(-1)};
  if (norm.kind == NormKind::kLayerNorm) {
    out.copy_(at::layer_norm(x, width, norm.weight, norm.bias, norm.eps));
    return;
  }
  const at::Tensor wide = x.to(at::kFloat);
  at::Tensor unit = wide * (wide.square().mean(-1, true) + norm.eps).rsqrt();
  if (norm.cast_before_weight) unit = unit.to(x.scalar_type());
  out.copy_(norm.weight.defined() ? unit * norm.weight : unit);
}

void AtenOps::linear(const Linear& linear, const at::Tensor& x, at::Tensor& out) const {
  if (linear.bias.defined()) {
    at::addmm_out(out, linear.bias, x, linear.weight.t());
  } else {
    at::mm_out(out, x, linear.weight.t());
  }
}

void AtenOps::linear_add(const Linear& linear, const at::Tensor& x, at::Tensor& residual) const {
  // The product is rounded to the activation type before the sum, as transformers does.
  residual.add_(at::linear(x, linear.weight, linear.bias));
}

void AtenOps::add(const at::Tensor& x, double scale, at::Tensor& residual) const {
  residual.add_(scale == 1 ? x : x * scale);
}

void AtenOps::activate(Activation activation, at::Tensor& x) const {
  switch (activation) {
    case Activation::kSilu:
      at::silu_(x);
      break;
    case Activation::kGelu:
      at::gelu_(x, "none");
      break;
    case Activation::kGeluTanh:
      at::gelu_(x, "tanh");
      break;
    case Activation::kRelu:
      at::relu_(x);
      break;
    case Activation::kClampedSwiglu:
      TORCH_CHECK(false, "the clamped SwiGLU needs a gate");
      break;
  }
}

void AtenOps::gate(Activation activation, const at::Tensor& gate_up, at::Tensor& out) const {
  const int64_t inner = gate_up.size(-1) / 2;
  const at::Tensor up = gate_up.narrow(-1, inner, inner);
  if (activation == Activation::kClampedSwiglu) {
    constexpr double kLimit = 7;
    constexpr double kAlpha = 1.702;
    const at::Tensor gate = gate_up.narrow(-1, 0, inner).clamp_max(kLimit);
    out.copy_(gate * (gate * kAlpha).sigmoid() * (up.clamp(-kLimit, kLimit) + 1));
    return;
  }
  out.copy_(gate_up.narrow(-1, 0, inner));
  activate(activation, out);
  out.mul_(up);
}

void AtenOps::experts(const MoeSpec& spec, Activation activation, const Experts& experts,
                      const at::Tensor& x, at::Tensor& out) const {
  at::Tensor scores = at::linear(x, experts.router.weight, experts.router.bias);
  if (!spec.softmax_after_topk) scores = scores.softmax(-1, at::kFloat);
  auto [weights, chosen] = scores.topk(spec.per_token, -1);
  if (spec.softmax_after_topk) weights = weights.softmax(-1);
  if (spec.renormalise) weights = weights / weights.sum(-1, true);
  weights = weights.to(x.scalar_type());
  out.zero_();
  for (int64_t e = 0; e < spec.experts; ++e) {
    const at::Tensor hits = (chosen == e).nonzero();
    if (hits.size(0) == 0) continue;
    const at::Tensor rows = hits.select(1, 0);
    const auto bias = [e](const at::Tensor& all) { return all.defined() ? all[e] : at::Tensor{}; };
    const at::Tensor wide =
        at::linear(x.index_select(0, rows), experts.gate_up[e], bias(experts.gate_up_bias));
    at::Tensor inner = at::empty({wide.size(0), wide.size(1) / 2}, wide.options());
    gate(activation, wide, inner);
    const at::Tensor y = at::linear(inner, experts.down[e], bias(experts.down_bias));
    const at::Tensor share = weights.index({rows, hits.select(1, 1)}).unsqueeze(1);
    out.index_add_(0, rows, y * share);
  }
}

}  // namespace aieb::engine
