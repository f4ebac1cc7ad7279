#pragma once

#include <span>
#include <vector>

#include "analysis/flight.h"
#include "analysis/sources.h"
#include "core/results.h"

namespace aieb {

/// Where the measured energy went, besides to each request. Σ requests + unattributed = gross and
/// before + after + unattributed = gross, to rounding.
struct Attribution {
  Quantity unattributed;
  Quantity preparing;  ///< part of `unattributed`: prompts were formatted and tokenised; missing
                       ///< where a server does that, or where it is not told when
  Quantity before_first_token;  ///< both missing unless the first token of every answer is known
  Quantity after_first_token;
  EnergyDivision division;
};

/// Divides the gross power at each instant of `windows` over the flights, in proportion to the work
/// that the server does for each: tokens per second times what such a token costs, learnt from the
/// run (analysis/token_energy.h). Where that cannot be learnt, every token weighs the same; where
/// tokens are not known, every request does. Sets `energy` and `active_energy` of the results.
///
/// Domains that are not part of that total are left out. `baselines` as from `idle_baselines`.
/// What another division would have given widens the random part of a request's uncertainty: with
/// learnt costs their standard errors, with equal tokens the difference to equal requests. So does
/// what an exporter's clock may be off by: the division is made with all of its times later and
/// earlier by that.
/// A sweep over the sorted begins and ends with prefix sums: R·log R + D·(R + S) for R requests,
/// D domains and S samples a domain.
Attribution attribute_energy(const EnergySources& sources, std::span<const TimeSpan> windows,
                             const std::vector<Quantity>& baselines, const WindowEnergy& measured,
                             std::span<const Flight> flights, std::vector<RequestResult>& results);

}  // namespace aieb
