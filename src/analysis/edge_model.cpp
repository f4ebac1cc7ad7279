#include "analysis/edge_model.h"

#include <algorithm>
#include <cmath>

namespace aieb {
namespace {

/// The load begins a little after its phase and ends a little before it, and power ramps: on the
/// side of the load the edge is this far from where the power changes, on the other hardly.
constexpr double kLoadLag_s = 0.005;
constexpr double kIdleLag_s = 0.001;

double square(double x) { return x * x; }

}  // namespace

double extrapolation_variance(const EdgeSide& side) {
  const double d = side.distance_s;
  return side.diffusion * (d * d * d / 3 + side.mean_over_s * d * d / 3);
}

EdgeEstimate counter_edge(double energy_before, double energy_after, const EdgeSide& before,
                          const EdgeSide& after, double time_sigma_s) {
  const double from_left = energy_before + before.power_w * before.distance_s;
  const double from_right = energy_after - after.power_w * after.distance_s;
  const double step = after.power_w - before.power_w;
  const double shared = before.power_w * after.power_w * square(time_sigma_s);
  const auto variance_of = [&](const EdgeSide& side) {
    const bool loaded = side.power_w >= (before.power_w + after.power_w) / 2;
    const double lag = std::min(loaded ? kLoadLag_s : kIdleLag_s, side.distance_s);
    return extrapolation_variance(side) + square(step * lag) / 3 +
           square(side.power_w * time_sigma_s);
  };
  double left_var = variance_of(before);
  double right_var = variance_of(after);
  double spread = left_var + right_var - 2 * shared;
  if (spread <= 0) return {from_left, left_var};
  const double contradiction = square(from_left - from_right) / spread;
  if (contradiction > 1) {
    // Whatever changed elsewhere changed within the way from the known point to the edge.
    const auto inflated = [&](double variance, const EdgeSide& side) {
      return std::min(variance * contradiction, variance + square(step * side.distance_s) / 3);
    };
    left_var = inflated(left_var, before);
    right_var = inflated(right_var, after);
    spread = left_var + right_var - 2 * shared;
  }
  const double left_weight = (right_var - shared) / spread;
  return {std::clamp(left_weight * from_left + (1 - left_weight) * from_right, energy_before,
                     energy_after),
          (left_var * right_var - shared * shared) / spread};
}

EdgeEstimate gauge_edge(const EdgeSide& side) {
  return {side.power_w * side.distance_s, extrapolation_variance(side)};
}

}  // namespace aieb
