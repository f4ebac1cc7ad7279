#pragma once

#include <optional>

#include "core/json.h"
#include "core/results.h"

namespace aieb {

/// {mean, std, …, count}; null when nothing was observed. And its inverse.
Json distribution_to_json(const std::optional<Distribution>& distribution);
std::optional<Distribution> distribution_from_json(const Json& json);

/// {judged, good, fraction, requests_per_s, missed}; null when it is not known.
Json goodput_to_json(const std::optional<Goodput>& goodput);
std::optional<Goodput> goodput_from_json(const Json& json);

/// Numbers of the steady part and the energies of ramp, steady part and drain (docs/results.md);
/// null when the load was never full.
Json steady_state_to_json(const std::optional<SteadyState>& steady);
std::optional<SteadyState> steady_state_from_json(const Json& json);

}  // namespace aieb
