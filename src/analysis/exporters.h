#pragma once

#include <optional>
#include <string>

#include "analysis/domain_energy.h"
#include "core/trace_data.h"

namespace aieb {

/// What the trace says of the exporter behind a domain (event "exporter", docs/meters.md).
struct ExporterFacts {
  double update_s = 0;  ///< between new values: as configured, else as observed
  ExporterNotes notes;
};

/// Absent for sensors of this machine.
std::optional<ExporterFacts> exporter_of(const Trace& trace, const Domain& domain);

/// Adds to the error of every edge what comes from the exporter's clock: its times may all be off
/// by up to h in one direction (events "clock_offset"), which moves energy over an edge where the
/// power changes by ΔP. Variance h²/3 · ΔP², with ΔP taken from the curve beside the edge.
void add_clock_error(DomainEnergy& domain, const Trace& trace);

}  // namespace aieb
