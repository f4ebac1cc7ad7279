#pragma once

#include <cstddef>
#include <vector>

namespace aieb {

/// How power changes in time, as a random walk that returns to its mean (an Ornstein-Uhlenbeck
/// process): what lies between two readings is as uncertain as this says.
struct Roughness {
  double diffusion = 0;    ///< mean square difference of neighbours per s between them, W²/s
  double correlation = 1;  ///< of neighbours: 1 a pure random walk, 0 white noise

  /// Variance of one trapezoid between two readings, divided by (Δp·h)²: 1/12 for a random walk
  /// (and for a step anywhere between them), 1/2 for white noise. docs/metrics.md derives it.
  [[nodiscard]] double trapezoid_factor() const;
};

/// A power at a time in s.
struct PowerPoint {
  double t_s = 0;
  double power_w = 0;
};

/// From the mean square differences of neighbours and of second neighbours (the first two points of
/// the variogram, whose ratio is 1 + correlation), over all of `points`; without differences across
/// one of `edges`, where the power steps and does not wander.
Roughness roughness_of(const std::vector<PowerPoint>& points,
                       const std::vector<double>& edges = {});

/// Diffusion just beside `points[index]`, on the side of smaller (`direction` −1) or larger (+1)
/// indices: from the nearest few differences, beside which `overall` counts as a quarter of one.
double local_diffusion(const std::vector<PowerPoint>& points, std::ptrdiff_t index, int direction,
                       const Roughness& overall);

}  // namespace aieb
