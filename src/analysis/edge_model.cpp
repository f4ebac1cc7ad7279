#include "analysis/edge_model.h"

#include <algorithm>
#include <cmath>

namespace aieb {
namespace {

/// Power does not follow the begin of a phase at once: kernels start, clocks and regulators ramp.
constexpr double kSharpness_s = 0.005;

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
  const double left_var = extrapolation_variance(before) +
                          square(step * std::min(kSharpness_s, before.distance_s)) +
                          square(before.power_w * time_sigma_s);
  const double right_var = extrapolation_variance(after) +
                           square(step * std::min(kSharpness_s, after.distance_s)) +
                           square(after.power_w * time_sigma_s);
  const double shared = before.power_w * after.power_w * square(time_sigma_s);
  const double spread = left_var + right_var - 2 * shared;
  if (spread <= 0) return {from_left, left_var};
  const double left_weight = (right_var - shared) / spread;
  const double contradiction = square(from_left - from_right) / spread;
  EdgeEstimate out;
  out.energy_j = std::clamp(left_weight * from_left + (1 - left_weight) * from_right, energy_before,
                            energy_after);
  out.variance = (left_var * right_var - shared * shared) / spread * std::max(1.0, contradiction);
  return out;
}

EdgeEstimate gauge_edge(const EdgeSide& near, const EdgeSide& far, double noise_w2) {
  const double y = near.distance_s;
  const double h = near.distance_s + far.distance_s;
  if (y <= 0 || h <= 0) return {0, 0};
  const double step = near.power_w - far.power_w;
  const double at_edge = near.power_w - step * y / h;
  const double excess = std::max(0.0, square(step) - near.diffusion * h - 2 * noise_w2);
  const double noise = noise_w2 * y * y;
  const double goes_on_var = near.diffusion * y * y * y / 3 + noise;
  const double evenly_var = near.diffusion * y * y * (y / 3 - y * y / (4 * h)) + noise +
                            excess * square(y * far.distance_s / (2 * h));
  const double goes_on = near.power_w * y;
  const double evenly = (near.power_w + at_edge) / 2 * y;
  const double sum = goes_on_var + evenly_var;
  if (sum <= 0) return {goes_on, 0};
  const double weight = evenly_var / sum;
  return {weight * goes_on + (1 - weight) * evenly, std::min(goes_on_var, evenly_var)};
}

}  // namespace aieb
