#pragma once

#include "core/quantity.h"
#include "core/results.h"

namespace aieb {

/// What one more output token costs when the load rises from that of `lower` to that of `higher`:
///
///   (P₂ − P₁) ÷ (r₂ − r₁)   in J per token,
///
/// P the mean gross power and r the output tokens per second, both of the steady state where both
/// runs have one, else of the whole measured time. What the machine draws at any load cancels, and
/// so does most of what its sensors are off by (analysis/compare.h). Tokens and times are counted,
/// so that the uncertainty is that of the power.
///
/// Missing, with the reason, when a power or a token count is unknown, when the two runs did not
/// measure the same components, or when the higher load made no more tokens per second.
Quantity marginal_energy_per_token(const Results& lower, const Results& higher);

}  // namespace aieb
