#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/energy_curve.h"
#include "analysis/loose_edges.h"
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
  std::vector<EdgeError> edges;  ///< by time; of windows, and where the load changed by itself
  std::vector<int64_t> interval_ends_ns;  ///< by time; with the next, the variance between
  std::vector<double> variance_until;     ///< readings, summed up to each of them, in J²
  LooseEdges loose;                       ///< between the edges
  double clock_half_width_s = 0;  ///< all times may be off by this much, one way; exporters only
  std::string read_with;          ///< the exporter that shows it; empty for sensors read alone
  double period_s = 0;            ///< time between values of the sensor
  int64_t first_ns = 0;           ///< first and last reading
  int64_t last_ns = 0;
  std::vector<Break> breaks;
  int64_t spikes = 0;
  std::vector<TimeSpan> gaps;  ///< without readings for longer than kGapPeriods
  std::string unusable;        ///< why this domain says nothing; empty if it does

  /// Energy of a window whose ends are among the edges, in J.
  [[nodiscard]] Quantity energy(const TimeSpan& window) const;

  /// Variance of what begins or ends at any time, e.g. a request, in J².
  [[nodiscard]] double variance_at(int64_t t_ns, bool begins) const;
  /// Of what lies between two readings in a span, and of breaks in it, in J².
  [[nodiscard]] double variance_within(const TimeSpan& span) const;
};

/// Systematic part of what is used above idle: gross − idle share of one domain, given theirs. A
/// sensor's gain is one factor in both and keeps its share of the difference. A model is off by
/// something else at idle than under load, so that the errors of an estimate do not cancel: one
/// that does not follow the load at all would else be certain that nothing is used above idle.
double systematic_above_idle(DomainKind kind, double gross, double idle_share);

/// Readings that are further apart than this many of the usual distances leave a gap.
constexpr double kGapPeriods = 5;

/// An edge that is further than this many sensor periods from all others stands alone: the power on
/// both sides of it can be told.
constexpr double kAlonePeriods = 2.5;

/// Of sorted `load_changes`, those that stand alone among themselves and the sorted `edges`.
std::vector<int64_t> standing_alone(std::span<const int64_t> load_changes,
                                    std::span<const int64_t> edges, int64_t apart_ns);

/// Energy of a counter. `edges`: where windows begin and end. `load_changes`: where the load begins
/// and ends within them, by time; those that stand alone are treated as edges, too. `shape`: power
/// readings of the same device, which then say how the counted energy is spread between two
/// readings of the counter; null when there are none.
DomainEnergy counter_energy(const Domain& domain, std::span<const Sample> samples,
                            std::span<const int64_t> known_breaks, std::span<const int64_t> edges,
                            const DomainEnergy* shape, std::span<const int64_t> load_changes = {});

/// Energy of a gauge or an estimate in W.
DomainEnergy gauge_energy(const Domain& domain, std::span<const Sample> samples,
                          std::span<const int64_t> edges,
                          std::span<const int64_t> load_changes = {});

}  // namespace aieb
