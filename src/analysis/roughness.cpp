#include "analysis/roughness.h"

#include <algorithm>

namespace aieb {
namespace {

constexpr int kNearby = 4;

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

Roughness roughness_of(const std::vector<PowerPoint>& points) {
  MeanSquare first;
  MeanSquare second;
  for (size_t i = 1; i < points.size(); ++i) {
    first.add(points[i - 1], points[i]);
    if (i > 1) second.add(points[i - 2], points[i]);
  }
  if (first.count == 0 || first.time <= 0) return {};
  const double near = first.squares / first.count;
  if (second.count == 0) return {near * first.count / first.time, 0};
  const double far = second.squares / second.count;
  // near = D·h + 2n and far = 2·D·h + 2n; both parts at least 0.
  const double walk = std::clamp(far - near, 0.0, near);
  return {walk * first.count / first.time, (near - walk) / 2};
}

double local_diffusion(const std::vector<PowerPoint>& points, std::ptrdiff_t index, int direction,
                       const Roughness& overall) {
  const auto n = static_cast<std::ptrdiff_t>(points.size());
  double sum = overall.diffusion;
  double count = 1;
  for (int k = 0; k < kNearby; ++k) {
    const std::ptrdiff_t near = index + k * direction;
    const std::ptrdiff_t far = near + direction;
    if (near < 0 || far < 0 || near >= n || far >= n) break;
    const double dp = points[far].power_w - points[near].power_w;
    const double dt = (points[far].t_s - points[near].t_s) * direction;
    sum += std::max(0.0, dp * dp - 2 * overall.noise) / dt;
    ++count;
  }
  return sum / count;
}

}  // namespace aieb
