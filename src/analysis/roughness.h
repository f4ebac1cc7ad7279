#pragma once

#include <cstddef>
#include <vector>

namespace aieb {

/// How power changes in time, as a random walk with white noise on top: the difference of two
/// powers that lie Δt apart has the variance `diffusion · Δt + 2 · noise`. What lies between two
/// readings is as uncertain as this says. Units: W²/s and W².
struct Roughness {
  double diffusion = 0;
  double noise = 0;
};

/// A power at a time in s.
struct PowerPoint {
  double t_s = 0;
  double power_w = 0;
};

/// From the mean square differences of neighbours and of second neighbours (the first two points of
/// the variogram), over all of `points`.
Roughness roughness_of(const std::vector<PowerPoint>& points);

/// Diffusion just beside `points[index]`, on the side of smaller (`direction` −1) or larger (+1)
/// indices: from the nearest few differences, of which `overall` counts as one more.
double local_diffusion(const std::vector<PowerPoint>& points, std::ptrdiff_t index, int direction,
                       const Roughness& overall);

}  // namespace aieb
