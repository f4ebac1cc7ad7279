#include "engine/kernels/aten_experts.h"

#include <ATen/ATen.h>

namespace aieb::engine {

Routing route(const MoeSpec& spec, const Experts& experts, const at::Tensor& x) {
  at::Tensor scores = at::linear(x, experts.router.weight, experts.router.bias);
  if (!spec.softmax_after_topk) scores = scores.softmax(-1, at::kFloat);
  auto [weights, chosen] = scores.topk(spec.per_token, -1);
  if (spec.softmax_after_topk) weights = weights.softmax(-1);
  if (spec.renormalise) weights = weights / weights.sum(-1, true);
  return {weights.to(x.scalar_type()), chosen};
}

void run_every_expert(const Ops& ops, Activation activation, const Experts& experts,
                      const Routing& routing, const at::Tensor& x, at::Tensor& out) {
  out.zero_();
  for (int64_t e = 0; e < experts.gate_up.size(0); ++e) {
    const at::Tensor hits = (routing.experts == e).nonzero();
    if (hits.size(0) == 0) continue;
    const at::Tensor rows = hits.select(1, 0);
    const auto bias = [e](const at::Tensor& all) { return all.defined() ? all[e] : at::Tensor{}; };
    const at::Tensor wide =
        at::linear(x.index_select(0, rows), experts.gate_up[e], bias(experts.gate_up_bias));
    at::Tensor inner = at::empty({wide.size(0), wide.size(1) / 2}, wide.options());
    ops.gate(activation, wide, inner);
    const at::Tensor y = at::linear(inner, experts.down[e], bias(experts.down_bias));
    const at::Tensor share = routing.weights.index({rows, hits.select(1, 1)}).unsqueeze(1);
    out.index_add_(0, rows, y * share);
  }
}

void run_chosen_experts(const Ops& ops, Activation activation, const Experts& experts,
                        const Routing& routing, const at::Tensor& x, at::Tensor& out) {
  const int64_t rows = x.size(0);
  const int64_t each = routing.experts.size(1);
  const at::Tensor picks = routing.experts.reshape({-1});
  const auto apply = [&picks](const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& input) {
    const at::Tensor y =
        at::bmm(input.unsqueeze(1), weight.index_select(0, picks).transpose(1, 2)).squeeze(1);
    return bias.defined() ? y + bias.index_select(0, picks) : y;
  };
  const at::Tensor repeated = x.unsqueeze(1).expand({rows, each, -1}).reshape({rows * each, -1});
  const at::Tensor wide = apply(experts.gate_up, experts.gate_up_bias, repeated);
  at::Tensor inner = at::empty({wide.size(0), wide.size(1) / 2}, wide.options());
  ops.gate(activation, wide, inner);
  const at::Tensor y = apply(experts.down, experts.down_bias, inner);
  at::sum_out(out, y.view({rows, each, -1}) * routing.weights.unsqueeze(-1), 1);
}

}  // namespace aieb::engine
