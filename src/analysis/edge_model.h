#pragma once

namespace aieb {

/// Power beside a window edge, on one of its sides.
struct EdgeSide {
  double power_w = 0;      ///< mean power nearest to the edge on this side
  double distance_s = 0;   ///< from the edge to the nearest known point on this side
  double mean_over_s = 0;  ///< span that power_w is the mean of; 0 for a momentary power
  double diffusion = 0;    ///< W²/s on this side
};

struct EdgeEstimate {
  double energy_j = 0;
  double variance = 0;
};

/// Energy of a counter at a window edge between two known points, `energy_before` and
/// `energy_after`, whose times may both be off by the same `time_sigma_s`.
///
/// Windows begin and end where the load changes, so the power on each side goes on up to the edge:
/// from the left E = energy_before + P·x, from the right E = energy_after − P'·y. The two are
/// combined with the weights of least variance (they share the time error, which a step in power
/// at the edge reveals). Where they contradict each other more than their variances allow, the
/// power changed elsewhere, and the variance grows accordingly.
EdgeEstimate counter_edge(double energy_before, double energy_after, const EdgeSide& before,
                          const EdgeSide& after, double time_sigma_s);

/// Energy between a window edge and the nearest power reading of a gauge on one side of it, which
/// goes on up to the edge: power changes there, and what it was on the other side says nothing.
EdgeEstimate gauge_edge(const EdgeSide& side);

/// Variance of the energy that a random walk of power uses over `distance_s` when it is
/// extrapolated from `side`, in J².
double extrapolation_variance(const EdgeSide& side);

}  // namespace aieb
