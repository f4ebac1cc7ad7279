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
  /// Time between t and the nearest point, 0 within the points.
  [[nodiscard]] double distance(double t) const {
    return std::max({0.0, points_.front().t_s - t, t - points_.back().t_s});
  }
  /// The nearest power goes on outside the points.
  [[nodiscard]] double power(double t) const {
    const double within = std::clamp(t, points_.front().t_s, points_.back().t_s);
    const size_t k = interval(within);
    return points_[k].power_w + slope(k) * (within - points_[k].t_s);
  }
  [[nodiscard]] double energy(double t) const {
    const double within = std::clamp(t, points_.front().t_s, points_.back().t_s);
    const size_t k = interval(within);
    const double dt = within - points_[k].t_s;
    return integral_[k] + points_[k].power_w * dt + slope(k) * dt * dt / 2 +
           power(within) * (t - within);
  }

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
    std::vector<Candidate> candidates;
    if (power_.covers(t)) candidates.push_back({power_.energy(t), smear_variance(t)});
    for (const int side : {-1, +1}) {
      if (power_.covers(t + side * w_)) candidates.push_back(from_anchor(t, side));
    }
    if (candidates.empty()) candidates.push_back(beyond_readings(t));
    Candidate out = combine(candidates);
    // The readings may all be off by up to √3·σ in time. Either way energy is lost at a step up
    // and at a step down: on average half of |step|·mean |δ|.
    const double step = power_.power(t + w_ / 2) - power_.power(t - w_ / 2);
    out.energy_j -= step * time_sigma_s_ * std::sqrt(3.0) / 4;
    out.variance += square(step * time_sigma_s_) / 4;
    return out;
  }

 private:
  static Candidate combine(const std::vector<Candidate>& candidates) {
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
    const double freedom = std::max(1.0, static_cast<double>(candidates.size()) - 1);
    return {energy, 1 / weights * std::max(1.0, contradiction / freedom)};
  }

  [[nodiscard]] Candidate from_anchor(double t, int side) const {
    const double anchor = t + side * w_;
    const double mean_at = t + side * w_ / 2;
    return {power_.energy(anchor) - side * w_ * power_.power(mean_at),
            anchor_variance(anchor) + square(w_ * reading_sigma_w_)};
  }

  [[nodiscard]] Candidate beyond_readings(double t) const {
    const double error = power_.power(t) * power_.distance(t) / 2;
    return {power_.energy(t), smear_variance(t) + square(error)};
  }

  /// A step of power ΔP at t is smeared into an error of ΔP·W/8.
  [[nodiscard]] double smear_variance(double t) const {
    const double step = power_.power(t + w_ / 2) - power_.power(t - w_ / 2);
    return square(step * w_ / 8) + square(w_ * reading_sigma_w_) + 1e-12;
  }

  /// At an anchor the power changes, if at all, somewhere within ± W/2: a step that is u away
  /// makes an error of ΔP·(W/2 − |u|)²/2W and shows as ΔP·(1 − |u|/W), which over all u has a
  /// quarter of the variance above. A third is taken, at three places, since several steps may
  /// hide each other.
  [[nodiscard]] double anchor_variance(double t) const {
    double sum = 0;
    for (const double shift : {-w_ / 4, 0.0, w_ / 4}) sum += smear_variance(t + shift);
    return sum / 3 / 3;
  }

  const SmoothedPower& power_;
  double w_;
  double time_sigma_s_;
  double reading_sigma_w_;
};

/// Over W around each point the power may change by what it changes by on both sides of it.
LooseEdges loose_edges(const SmoothedPower& power, const SensorUpdates& updates,
                       const std::vector<PowerPoint>& points, double w) {
  LooseEdges loose(LooseEdges::Sensor::kMeans, w);
  for (size_t k = 0; k < points.size(); ++k) {
    const double t = points[k].t_s;
    const double step = power.power(t + w / 2) - power.power(t - w / 2);
    loose.add(time_ns(updates.origin_ns, t), std::abs(step),
              square(step * updates.updates[k].sigma_s));
  }
  loose.close(time_ns(updates.origin_ns, points.back().t_s));
  return loose;
}

}  // namespace

void integrate_averaged_gauge(DomainEnergy& out, const SensorUpdates& updates,
                              const std::vector<PowerPoint>& points,
                              const std::vector<double>& edges) {
  const SmoothedPower power(points);
  const double w = seconds(out.domain.averaging_ns);
  const double time_sigma = updates.updates.front().sigma_s;
  const EdgeCandidates candidates(power, w, time_sigma, out.domain.resolution / std::sqrt(12.0));
  out.loose = loose_edges(power, updates, points, w);
  CurveBuilder builder(updates.origin_ns);
  size_t next = 0;
  for (const PowerPoint& point : points) {
    while (next < edges.size() && edges[next] < point.t_s - w / 2) ++next;
    const bool near_edge = next < edges.size() && std::abs(edges[next] - point.t_s) <= w / 2;
    if (!near_edge) builder.add_at(point.t_s, power.energy(point.t_s));
  }
  for (const double edge : edges) {
    const Candidate best = candidates.best(edge);
    builder.add_at(edge, best.energy_j);
    out.edges.push_back({time_ns(updates.origin_ns, edge), best.variance, best.variance});
  }
  out.curve = builder.build();
}

}  // namespace aieb
