#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/sources.h"
#include "core/results.h"
#include "core/trace_data.h"

namespace aieb {

/// Which components belong to the total of a run, and why some are unknown.
struct ComponentPlan {
  std::map<Component, std::string> missing;  ///< reason by component of the total
};

/// gpu, cpu and dram are expected, except gpu where nothing says that one was there or used.
ComponentPlan plan_components(const Trace& trace, const EnergySources& sources);

/// Mean power of each chosen domain in the idle phases, in W, in the order of `sources.chosen`.
/// The random part includes how much the idle power wandered between blocks of a second.
std::vector<Quantity> idle_baselines(const EnergySources& sources, std::span<const TimeSpan> idle);

/// Energy of the given windows by component and domain. `baselines` as from `idle_baselines`.
WindowEnergy window_energy(const EnergySources& sources, const ComponentPlan& plan,
                           std::span<const TimeSpan> windows,
                           const std::vector<Quantity>& baselines);

/// The same with everything disabled.
WindowEnergy disabled_energy(std::span<const TimeSpan> windows);

/// Σ of the windows' lengths in s.
double duration_s(std::span<const TimeSpan> windows);

/// Share of the windows within the first and last reading of a domain.
double coverage(const DomainEnergy& domain, std::span<const TimeSpan> windows);

}  // namespace aieb
