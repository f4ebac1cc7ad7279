#pragma once

#include <optional>
#include <span>
#include <string>

#include "analysis/domain_energy.h"
#include "core/trace_data.h"

namespace aieb {

/// What the trace says of the exporter behind a domain (event "exporter", docs/meters.md).
struct ExporterFacts {
  double update_s = 0;  ///< between new values: as configured, else as observed
  std::string remedy;   ///< what makes its values come more often
  std::string failure;  ///< why it stopped answering; empty if it did not
};

/// Absent for sensors of this machine.
std::optional<ExporterFacts> exporter_of(const Trace& trace, const Domain& domain);

/// Why the values of an exporter come too seldom for the shortest of these windows; empty if they
/// do not. A window should hold several new values, or most of its energy is interpolated between
/// values of which nothing is known.
std::string too_coarse(const DomainEnergy& domain, const ExporterFacts& exporter,
                       std::span<const TimeSpan> windows);

/// Adds to the error of the edges of windows what comes from the exporter's clock: its times may
/// all be off by up to h in one direction (events "clock_offset"), which moves energy over an edge
/// where the power changes by ΔP. Variance h²/3 · ΔP², with ΔP taken from the curve beside the
/// edge; h is the largest of what holds within a period of the sensor beside it, so that a page
/// that was slow to come counts where it matters. Keeps the largest of these h for what is divided
/// over requests (analysis/attribution.cpp).
void add_clock_error(DomainEnergy& domain, const Trace& trace,
                     std::span<const int64_t> window_edges);

}  // namespace aieb
