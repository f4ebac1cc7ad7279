#include "engine/kernels/aten_experts.h"

#include <algorithm>
#include <limits>

#include <ATen/ATen.h>

namespace aieb::engine {

namespace {

constexpr double kTiny = 1e-20;  // DeepSeek-V3's guard against a sum of 0

at::Tensor score(RouterScore kind, const Linear& router, const at::Tensor& x) {
  if (kind == RouterScore::kSigmoid) {
    const auto wide = [](const at::Tensor& t) { return t.defined() ? t.to(at::kFloat) : t; };
    return at::linear(wide(x), wide(router.weight), wide(router.bias)).sigmoid();
  }
  const at::Tensor logits = at::linear(x, router.weight, router.bias);
  return kind == RouterScore::kSoftmax ? logits.softmax(-1, at::kFloat) : logits;
}

/// Ranks with those outside of the best groups at −∞.
at::Tensor within_best_groups(const MoeSpec& spec, const at::Tensor& ranks) {
  const at::Tensor grouped = ranks.unflatten(-1, {spec.groups, -1});
  const int64_t highest = std::min<int64_t>(2, grouped.size(-1));
  const at::Tensor group_ranks = std::get<0>(grouped.topk(highest, -1)).sum(-1);
  const at::Tensor best = std::get<1>(group_ranks.topk(spec.groups_kept, -1));
  const at::Tensor dropped = at::ones_like(group_ranks, at::kBool).scatter(-1, best, false);
  return grouped.masked_fill(dropped.unsqueeze(-1), -std::numeric_limits<double>::infinity())
      .flatten(-2);
}

}  // namespace

Routing route(const MoeSpec& spec, const Experts& experts, const at::Tensor& x) {
  const at::Tensor scores = score(spec.score, experts.router, x);
  at::Tensor ranks = experts.choice_bias.defined() ? scores + experts.choice_bias : scores;
  if (spec.groups > 1) ranks = within_best_groups(spec, ranks);
  const at::Tensor chosen = std::get<1>(ranks.topk(spec.per_token, -1));
  at::Tensor weights = scores.gather(-1, chosen);
  if (spec.score == RouterScore::kSoftmaxOfChosen) weights = weights.softmax(-1);
  if (spec.renormalise) weights = weights / (weights.sum(-1, true) + kTiny);
  if (spec.scale != 1) weights = weights * spec.scale;
  return {weights.to(x.scalar_type()), chosen};
}

void run_every_expert(const Ops& ops, const MoeSpec& spec, Activation activation,
                      const Experts& experts, const Routing& routing, const at::Tensor& x,
                      at::Tensor& out) {
  out.zero_();
  for (int64_t e = 0; e < experts.gate_up.size(0); ++e) {
    const at::Tensor hits = (routing.experts == e).nonzero();
    if (hits.size(0) == 0) continue;
    const at::Tensor rows = hits.select(1, 0);
    const auto bias = [e](const at::Tensor& all) { return all.defined() ? all[e] : at::Tensor{}; };
    const at::Tensor share = routing.weights.index({rows, hits.select(1, 1)}).unsqueeze(1);
    const at::Tensor input = x.index_select(0, rows);
    const at::Tensor wide = at::linear(spec.weigh_input ? input * share : input, experts.gate_up[e],
                                       bias(experts.gate_up_bias));
    at::Tensor inner = at::empty({wide.size(0), wide.size(1) / 2}, wide.options());
    ops.gate(activation, wide, inner);
    const at::Tensor y = at::linear(inner, experts.down[e], bias(experts.down_bias));
    out.index_add_(0, rows, spec.weigh_input ? y : y * share);
  }
}

void run_chosen_experts(const Ops& ops, const MoeSpec& spec, Activation activation,
                        const Experts& experts, const Routing& routing, const at::Tensor& x,
                        at::Tensor& out) {
  const int64_t rows = x.size(0);
  const int64_t each = routing.experts.size(1);
  const at::Tensor picks = routing.experts.reshape({-1});
  const auto apply = [&picks](const at::Tensor& weight, const at::Tensor& bias,
                              const at::Tensor& input) {
    const at::Tensor y =
        at::bmm(input.unsqueeze(1), weight.index_select(0, picks).transpose(1, 2)).squeeze(1);
    return bias.defined() ? y + bias.index_select(0, picks) : y;
  };
  const at::Tensor shares = routing.weights.unsqueeze(-1);
  at::Tensor repeated = x.unsqueeze(1).expand({rows, each, -1});
  if (spec.weigh_input) repeated = repeated * shares;
  repeated = repeated.reshape({rows * each, -1});
  const at::Tensor wide = apply(experts.gate_up, experts.gate_up_bias, repeated);
  at::Tensor inner = at::empty({wide.size(0), wide.size(1) / 2}, wide.options());
  ops.gate(activation, wide, inner);
  const at::Tensor y = apply(experts.down, experts.down_bias, inner);
  const at::Tensor outputs = y.view({rows, each, -1});
  at::sum_out(out, spec.weigh_input ? outputs : outputs * shares, 1);
}

}  // namespace aieb::engine
