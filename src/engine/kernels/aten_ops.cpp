#include "engine/kernels/aten_ops.h"

#include <ATen/ATen.h>

#include "engine/kernels/aten_experts.h"
#include "engine/kernels/int8_rows.h"

namespace aieb::engine {

at::ScalarType AtenOps::activation_type(at::ScalarType weights) const { return weights; }

void AtenOps::norm(const Norm& norm, const at::Tensor& x, at::Tensor& out) const {
  const std::vector<int64_t> width = {x.size(-1)};
  if (norm.kind == NormKind::kLayerNorm) {
    out.copy_(at::layer_norm(x, width, norm.weight, norm.bias, norm.eps));
    return;
  }
  if (x.is_cuda()) {  // one kernel instead of seven; it multiplies before it rounds
    const auto weight = norm.weight.defined() ? std::optional(norm.weight) : std::nullopt;
    out.copy_(std::get<0>(at::_fused_rms_norm(x, width, weight, norm.eps)));
    return;
  }
  const at::Tensor wide = x.to(at::kFloat);
  at::Tensor unit = wide * (wide.square().mean(-1, true) + norm.eps).rsqrt();
  if (norm.cast_before_weight) unit = unit.to(x.scalar_type());
  out.copy_(norm.weight.defined() ? unit * norm.weight : unit);
}

namespace {

/// x · unpacked weightᵀ + bias, in the type that the weights are computed with.
at::Tensor packed_product(const Linear& linear, const at::Tensor& x) {
  const auto type = linear.compute.value_or(x.scalar_type());
  std::vector<at::Tensor> parts;
  for (const auto& part : linear.packed) parts.push_back(unpack(part, linear.stored, type));
  const at::Tensor weight = parts.size() == 1 ? parts.front() : at::cat(parts);
  const at::Tensor bias = linear.bias.defined() ? linear.bias.to(type) : linear.bias;
  const at::Tensor read = linear.packed.front().four_bits() ? x : round_to_int8(x);
  return at::linear(read.to(type), weight, bias).to(x.scalar_type());
}

}  // namespace

void AtenOps::linear(const Linear& linear, const at::Tensor& x, at::Tensor& out) const {
  if (linear.is_packed()) {
    out.copy_(packed_product(linear, x));
    return;
  }
  if (linear.bias.defined()) {
    at::addmm_out(out, linear.bias, x, linear.weight.t());
  } else {
    at::mm_out(out, x, linear.weight.t());
  }
}

void AtenOps::linear_add(const Linear& linear, const at::Tensor& x, at::Tensor& residual) const {
  if (linear.is_packed()) {
    residual.add_(packed_product(linear, x));
    return;
  }
  if (x.is_cuda() && !linear.bias.defined()) {
    at::addmm_out(residual, residual, x, linear.weight.t());
    return;
  }
  // The product is rounded to the activation type before the sum, as transformers does.
  residual.add_(at::linear(x, linear.weight, linear.bias));
}

void AtenOps::add(const at::Tensor& x, double scale, at::Tensor& residual) const {
  residual.add_(scale == 1 ? x : x * scale);
}

namespace {

/// out = act(x); out may be x.
void activate_into(Activation activation, const at::Tensor& x, at::Tensor& out) {
  switch (activation) {
    case Activation::kSilu:
      at::silu_out(out, x);
      break;
    case Activation::kGelu:
      at::gelu_out(out, x, "none");
      break;
    case Activation::kGeluTanh:
      at::gelu_out(out, x, "tanh");
      break;
    case Activation::kRelu:
      at::relu_out(out, x);
      break;
    case Activation::kRelu2:
      at::relu_out(out, x).square_();
      break;
    case Activation::kClampedSwiglu:
    case Activation::kXielu:
      TORCH_CHECK(false, "this activation does not stand alone");
      break;
  }
}

}  // namespace

void AtenOps::activate(Activation activation, at::Tensor& x) const {
  activate_into(activation, x, x);
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
  activate_into(activation, gate_up.narrow(-1, 0, inner), out);
  out.mul_(up);
}

void AtenOps::experts(const MoeSpec& spec, Activation activation, const Experts& experts,
                      const at::Tensor& x, at::Tensor& out) const {
  const Routing routing = route(spec, experts, x);
  if (x.is_cuda() && x.size(0) <= kFewRows) {
    run_chosen_experts(*this, spec, activation, experts, routing, x, out);
  } else {
    run_every_expert(*this, spec, activation, experts, routing, x, out);
  }
}

}  // namespace aieb::engine
