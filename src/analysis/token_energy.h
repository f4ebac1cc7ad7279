#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/flight.h"
#include "analysis/sources.h"
#include "core/results.h"

namespace aieb {

/// What computing one token costs above idle, as learnt from a run, with standard errors. J.
struct TokenEnergy {
  double prefill_j = 0;  ///< a prompt token
  double decode_j = 0;   ///< an output token
  double prefill_se = 0;
  double decode_se = 0;
  size_t intervals = 0;  ///< that it was learnt from
};

struct LearntTokenEnergy {
  std::optional<TokenEnergy> energy;
  std::string reason;  ///< why there is none
};

/// Cuts the windows into intervals of equal length, in which prefill and decode are mixed
/// differently, and fits (energy − idle) = prefill_j · prompt tokens + decode_j · output tokens by
/// least squares over the measured domains of the total. Standard errors allow for residuals that
/// vary and depend on their neighbours (Newey and West, "A simple, positive semi-definite,
/// heteroskedasticity and autocorrelation consistent covariance matrix", Econometrica 55, 1987).
///
/// There is no answer if the domains are estimates, if there are too few intervals for the sensors'
/// update period, or if the mix varies too little for both costs to be known within 50 % (k = 2).
LearntTokenEnergy learn_token_energy(const EnergySources& sources,
                                     std::span<const TimeSpan> windows,
                                     const std::vector<Quantity>& baselines,
                                     const WindowEnergy& measured,
                                     std::span<const FlightStages> stages);

/// Whether a domain's energy is part of the measured total.
bool in_total(const DomainEnergy& domain, const WindowEnergy& measured);

}  // namespace aieb
