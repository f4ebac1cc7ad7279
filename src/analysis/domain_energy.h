#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/energy_curve.h"
#include "analysis/readings.h"
#include "core/events.h"
#include "core/quantity.h"

namespace aieb {

/// Energy at the beginning or end of a window: its error matters for the window that ends there
/// and for the one that begins there. Variances in J².
struct EdgeError {
  int64_t t_ns = 0;
  double variance_before = 0;
  double variance_after = 0;
};

/// The energy of one domain over the whole trace, with what is known of its errors.
/// docs/metrics.md, "Uncertainty of energy", has the formulas.
struct DomainEnergy {
  Domain domain;
  EnergyCurve curve;             ///< has a point at every window edge that it was built for
  std::vector<EdgeError> edges;  ///< by time
  std::vector<int64_t> interval_ends_ns;  ///< by time; with the next, the variance between
  std::vector<double> variance_until;     ///< readings, summed up to each of them, in J²
  double typical_edge_sigma_j = 0;        ///< of an edge at an arbitrary time, e.g. of a request
  double clock_half_width_s = 0;  ///< all times may be off by this much, one way; exporters only
  double period_s = 0;            ///< time between values of the sensor
  int64_t first_ns = 0;           ///< first and last reading
  int64_t last_ns = 0;
  std::vector<Break> breaks;
  int64_t spikes = 0;
  std::vector<TimeSpan> gaps;  ///< without readings for longer than kGapPeriods
  std::string unusable;        ///< why this domain says nothing; empty if it does

  /// Energy of a window whose ends are among the edges, in J.
  [[nodiscard]] Quantity energy(const TimeSpan& window) const;
};

/// Systematic part of what is used above idle: gross − idle share of one domain, given theirs. A
/// sensor's gain is one factor in both and keeps its share of the difference. A model is off by
/// something else at idle than under load, so that the errors of an estimate do not cancel: one
/// that does not follow the load at all would else be certain that nothing is used above idle.
double systematic_above_idle(DomainKind kind, double gross, double idle_share);

/// Readings that are further apart than this many of the usual distances leave a gap.
constexpr double kGapPeriods = 5;

/// Energy of a counter. `shape`: power readings of the same device, which then say how the counted
/// energy is spread between two readings of the counter; null when there are none.
DomainEnergy counter_energy(const Domain& domain, std::span<const Sample> samples,
                            std::span<const int64_t> known_breaks, std::span<const int64_t> edges,
                            const DomainEnergy* shape);

/// Energy of a gauge or an estimate in W.
DomainEnergy gauge_energy(const Domain& domain, std::span<const Sample> samples,
                          std::span<const int64_t> edges);

}  // namespace aieb
