#pragma once

#include "engine/kernels/ops.h"

namespace aieb::engine {

/// Which experts each row goes to, [rows, k] each.
struct Routing {
  at::Tensor weights;  ///< in the activation type
  at::Tensor experts;  ///< int64
};

Routing route(const MoeSpec& spec, const Experts& experts, const at::Tensor& x);

/// out = Σ over a row's experts of weight · down · act(gate_up · x), or of down · act(gate_up ·
/// weight · x) where the input is weighed. Both functions compute this, for x and out [rows,
/// hidden]; `ops` supplies the gate.

/// Goes through all experts and gives each its rows: no weights are copied, but the host waits for
/// the device to learn which rows they are.
void run_every_expert(const Ops& ops, const MoeSpec& spec, Activation activation,
                      const Experts& experts, const Routing& routing, const at::Tensor& x,
                      at::Tensor& out);

/// Gathers the weights of the chosen experts, rows · k of them, without waiting for the device.
void run_chosen_experts(const Ops& ops, const MoeSpec& spec, Activation activation,
                        const Experts& experts, const Routing& routing, const at::Tensor& x,
                        at::Tensor& out);

}  // namespace aieb::engine
