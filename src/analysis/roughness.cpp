#include "analysis/roughness.h"

#include <algorithm>
#include <cmath>

namespace aieb {
namespace {

constexpr int kNearby = 4;
/// What the whole series counts beside them.
constexpr double kOverall = 0.25;

struct MeanSquare {
  double squares = 0;
  double time = 0;
  double count = 0;

  void add(const PowerPoint& a, const PowerPoint& b) {
    squares += (b.power_w - a.power_w) * (b.power_w - a.power_w);
    time += b.t_s - a.t_s;
    ++count;
  }
};

}  // namespace

double Roughness::trapezoid_factor() const {
  const double rho = std::clamp(correlation, 1e-3, 1 - 1e-3);
  return ((1 + rho) / (1 - rho) + 2 / std::log(rho)) / (2 * (1 - rho));
}

Roughness roughness_of(const std::vector<PowerPoint>& points, const std::vector<double>& edges) {
  MeanSquare first;
  MeanSquare second;
  const auto add = [&edges](MeanSquare& sum, const PowerPoint& a, const PowerPoint& b) {
    const auto edge = std::lower_bound(edges.begin(), edges.end(), a.t_s);
    if (edge == edges.end() || *edge > b.t_s) sum.add(a, b);
  };
  for (size_t i = 1; i < points.size(); ++i) {
    add(first, points[i - 1], points[i]);
    if (i > 1) add(second, points[i - 2], points[i]);
  }
  if (first.count == 0 || first.time <= 0) return {};
  Roughness out;
  out.diffusion = first.squares / first.time;
  if (second.count > 0 && first.squares > 0) {
    out.correlation =
        std::clamp(second.squares / second.count / (first.squares / first.count) - 1, 0.0, 1.0);
  }
  return out;
}

double local_diffusion(const std::vector<PowerPoint>& points, std::ptrdiff_t index, int direction,
                       const Roughness& overall) {
  const auto n = static_cast<std::ptrdiff_t>(points.size());
  double sum = kOverall * overall.diffusion;
  double count = kOverall;
  for (int k = 0; k < kNearby; ++k) {
    const std::ptrdiff_t near = index + k * direction;
    const std::ptrdiff_t far = near + direction;
    if (near < 0 || far < 0 || near >= n || far >= n) break;
    const double dp = points[far].power_w - points[near].power_w;
    const double dt = (points[far].t_s - points[near].t_s) * direction;
    sum += dp * dp / dt;
    ++count;
  }
  return sum / count;
}

}  // namespace aieb
