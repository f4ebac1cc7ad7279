#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "analysis/domain_energy.h"
#include "core/trace_data.h"

namespace aieb {

/// The energy domains of a trace that count, one for each device (component and index): a counter
/// before integrated power before an estimate.
struct EnergySources {
  std::vector<DomainEnergy> chosen;           ///< by component, then index
  std::map<Component, std::string> unusable;  ///< why a component's domains say nothing
  std::vector<std::string> warnings;          ///< disagreements, breaks, spikes, gaps
};

/// `edges`: begin and end of every phase. `checked`: the windows over which sources of one device
/// are held against each other and in which faults are worth a warning. `load_changes`: when the
/// first request in flight began and the last ended, by time.
EnergySources choose_sources(const Trace& trace, std::span<const int64_t> edges,
                             std::span<const TimeSpan> checked,
                             std::span<const int64_t> load_changes = {});

/// Indices into `chosen` of the domains that one exporter shows, which share the errors of its
/// times; every sensor that is read by itself is a group of its own.
std::vector<std::vector<size_t>> read_together(const std::vector<DomainEnergy>& chosen);

/// "meter/name", e.g. "rapl/package-0".
std::string label_of(const Domain& domain);

/// Samples of one domain, which lie together in a trace.
std::span<const Sample> samples_of(const Trace& trace, int domain_id);

/// Energy of several windows of one domain.
Quantity energy_of(const DomainEnergy& domain, std::span<const TimeSpan> windows);

}  // namespace aieb
