#pragma once

#include <optional>
#include <span>
#include <vector>

#include "analysis/sources.h"
#include "core/results.h"

namespace aieb {

/// The time during which a request was in flight: sent and not yet done.
struct Flight {
  TimeSpan span;
  std::optional<int64_t> first_token_ns;
  std::optional<size_t> result;  ///< index in Results::requests; none for requests of other phases,
                                 ///< which use energy of the window, too, while they are in flight
};

/// Where the measured energy went, besides to each request. Σ requests + unattributed = gross and
/// before + after + unattributed = gross, to rounding.
struct Attribution {
  Quantity unattributed;
  Quantity before_first_token;  ///< both missing unless the first token of every answer is known
  Quantity after_first_token;
};

/// Divides the gross power at each instant of `windows` evenly over the flights. Sets `energy` and
/// `active_energy` of the results.
///
/// Domains that are not part of that total are left out. `baselines` as from `idle_baselines`.
/// A sweep over the sorted begins and ends with prefix sums: R·log R + D·(R + S) for R requests,
/// D domains and S samples a domain.
Attribution attribute_energy(const EnergySources& sources, std::span<const TimeSpan> windows,
                             const std::vector<Quantity>& baselines, const WindowEnergy& measured,
                             std::span<const Flight> flights, std::vector<RequestResult>& results);

}  // namespace aieb
