#include "analysis/averaged_gauge.h"

#include <algorithm>
#include <cmath>

#include "analysis/curve_builder.h"
#include "core/clock.h"

namespace aieb {
namespace {

double square(double x) { return x * x; }

/// The smoothed power and its integral as functions of time.
class SmoothedPower {
 public:
  explicit SmoothedPower(const std::vector<PowerPoint>& points) : points_(points) {
    integral_.push_back(0);
    for (size_t k = 1; k < points.size(); ++k) {
      integral_.push_back(integral_.back() + (points[k - 1].power_w + points[k].power_w) / 2 *
                                                 (points[k].t_s - points[k - 1].t_s));
    }
  }

  [[nodiscard]] bool covers(double t) const {
    return t >= points_.front().t_s && t <= points_.back().t_s;
  }
  [[nodiscard]] double power(double t) const {
    const size_t k = interval(t);
    return points_[k].power_w + slope(k) * (t - points_[k].t_s);
  }
  [[nodiscard]] double energy(double t) const {
    const size_t k = interval(t);
    const double dt = t - points_[k].t_s;
    return integral_[k] + points_[k].power_w * dt + slope(k) * dt * dt / 2;
  }
  [[nodiscard]] double slope_at(double t) const { return slope(interval(t)); }

 private:
  [[nodiscard]] size_t interval(double t) const {
    const auto after = std::upper_bound(points_.begin(), points_.end(), t,
                                        [](double v, const PowerPoint& p) { return v < p.t_s; });
    const auto k = std::clamp<std::ptrdiff_t>(after - points_.begin() - 1, 0,
                                              static_cast<std::ptrdiff_t>(points_.size()) - 2);
    return static_cast<size_t>(k);
  }
  [[nodiscard]] double slope(size_t k) const {
    return (points_[k + 1].power_w - points_[k].power_w) / (points_[k + 1].t_s - points_[k].t_s);
  }

  const std::vector<PowerPoint>& points_;
  std::vector<double> integral_;
};

struct Candidate {
  double energy_j;
  double variance;
};

/// The possible values of E(T), each with its variance.
class EdgeCandidates {
 public:
  EdgeCandidates(const SmoothedPower& power, double averaging_s, double time_sigma_s,
                 double reading_sigma_w)
      : power_(power),
        w_(averaging_s),
        time_sigma_s_(time_sigma_s),
        reading_sigma_w_(reading_sigma_w) {}

  [[nodiscard]] Candidate best(double t) const {
    std::vector<Candidate> candidates{{power_.energy(t), smear_variance(t)}};
    if (power_.covers(t + w_)) candidates.push_back(from_anchor(t, +1));
    if (power_.covers(t - w_)) candidates.push_back(from_anchor(t, -1));
    double weights = 0;
    double sum = 0;
    for (const Candidate& c : candidates) {
      weights += 1 / c.variance;
      sum += c.energy_j / c.variance;
    }
    const double energy = sum / weights;
    double contradiction = 0;
    for (const Candidate& c : candidates) {
      contradiction += square(c.energy_j - energy) / c.variance;
    }
    const auto n = static_cast<double>(candidates.size());
    return {energy, 1 / weights * std::max(1.0, contradiction / std::max(1.0, n - 1))};
  }

 private:
  [[nodiscard]] Candidate from_anchor(double t, int side) const {
    const double anchor = t + side * w_;
    const double mean_at = t + side * w_ / 2;
    return {power_.energy(anchor) - side * w_ * power_.power(mean_at),
            smear_variance(anchor) + square(w_ * reading_sigma_w_) +
                square(power_.slope_at(mean_at) * w_ * time_sigma_s_)};
  }

  /// A step of power ΔP at t is smeared into an error of ΔP·W/8.
  [[nodiscard]] double smear_variance(double t) const {
    const double step = power_.power(t + w_ / 2) - power_.power(t - w_ / 2);
    return square(step * w_ / 8) + square(w_ * reading_sigma_w_) + 1e-12;
  }

  const SmoothedPower& power_;
  double w_;
  double time_sigma_s_;
  double reading_sigma_w_;
};

}  // namespace

void integrate_averaged_gauge(DomainEnergy& out, const SensorUpdates& updates,
                              const std::vector<PowerPoint>& points,
                              const std::vector<double>& edges) {
  const SmoothedPower power(points);
  const double w = seconds(out.domain.averaging_ns);
  const double time_sigma = updates.updates.front().sigma_s;
  const EdgeCandidates candidates(power, w, time_sigma, out.domain.resolution / std::sqrt(12.0));
  CurveBuilder builder(updates.origin_ns);
  size_t next = 0;
  for (const PowerPoint& point : points) {
    while (next < edges.size() && edges[next] < point.t_s - w / 2) ++next;
    const bool near_edge = next < edges.size() && std::abs(edges[next] - point.t_s) <= w / 2;
    if (!near_edge) builder.add_at(point.t_s, power.energy(point.t_s));
  }
  for (const double edge : edges) {
    const Candidate best = candidates.best(edge);
    const double variance = best.variance + square(power.slope_at(edge) * w * time_sigma) / 4;
    builder.add_at(edge, best.energy_j);
    out.edges.push_back({time_ns(updates.origin_ns, edge), variance, variance});
  }
  out.curve = builder.build();
}

}  // namespace aieb
