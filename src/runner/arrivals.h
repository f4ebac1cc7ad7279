#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runner/load_shape.h"

namespace aieb {

/// How the gaps between requests are distributed around their mean.
enum class ArrivalKind {
  kConstant,  ///< all equal; the first request leaves at once
  kPoisson,   ///< exponential: independent users
  kGamma,     ///< gamma of a given shape: below 1 burstier than Poisson, above 1 more even
};

/// When requests shall leave: ns after the beginning, ascending, `most` at the most.
///
/// Gaps are drawn with mean 1 and cumulated: s₁ < s₂ < …. The i-th request leaves at the time t at
/// which ∫₀ᵗ rate = sᵢ (the time-rescaling theorem), so that under a changing rate Poisson arrivals
/// stay an (inhomogeneous) Poisson process and constant ones hold exactly ∫ rate requests. Nothing
/// is rescaled to end at a given time: the number of requests in a duration is as random as the
/// process. Pure; the same arguments give the same times on every platform.
std::vector<int64_t> plan_arrivals(ArrivalKind kind, double gamma_shape,
                                   const std::vector<RateStage>& stages, size_t most,
                                   uint64_t seed);

}  // namespace aieb
