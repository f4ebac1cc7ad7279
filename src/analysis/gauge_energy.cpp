#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/averaged_gauge.h"
#include "analysis/curve_builder.h"
#include "analysis/domain_energy.h"
#include "analysis/edge_model.h"
#include "analysis/roughness.h"
#include "analysis/updates.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// What is left of the time error beside an edge after `sort_to_sides`, as a part of a reading's,
/// and how far the load keeps from the edge (edge_model.cpp): on the side of the load, and on the
/// idle one, whose power reaches up to the edge.
struct TimeError {
  double lag_s;
  double share;
};
constexpr TimeError kLoadedSide{0.004, 0.25};
constexpr TimeError kIdleSide{0.002, 0.2};
/// By how much the values of a gauge may be late and smeared over whose span nobody says anything,
/// as a share of the period.
constexpr double kLateShare = 0.9;
/// Later than this after an edge the load has changed.
constexpr double kMostLag_s = 0.01;

double square(double x) { return x * x; }

/// Puts points whose time is not known well enough to tell on which side of an edge they are on the
/// side whose power they have.
void sort_to_sides(std::vector<PowerPoint>& points, const SensorUpdates& updates,
                   const std::vector<double>& edges) {
  constexpr double kJustBeside_s = 1e-6;
  for (size_t k = 1; k + 1 < points.size(); ++k) {
    const double reach = updates.updates[k].sigma_s * std::sqrt(3.0);
    const auto edge = std::lower_bound(edges.begin(), edges.end(), points[k].t_s - reach);
    if (edge == edges.end() || *edge > points[k].t_s + reach) continue;
    const double p = points[k].power_w;
    const bool like_before =
        std::abs(p - points[k - 1].power_w) < std::abs(p - points[k + 1].power_w);
    const double side = *edge + (like_before ? -kJustBeside_s : kJustBeside_s);
    const bool is_before = points[k].t_s < *edge;
    if (is_before == like_before) continue;
    if (side > points[k - 1].t_s && side < points[k + 1].t_s) points[k].t_s = side;
  }
}

/// A value is a mean over a part of the sensor's period, or all of it: next to an edge it may
/// contain power of both sides. It then lies between its neighbours, of which the one that is
/// further from the edge says what the power was up to there.
class MixedValues {
 public:
  /// `before_s`, `after_s`: how long before and after the time of a point its value may reach.
  MixedValues(std::vector<PowerPoint>& points, const SensorUpdates& updates, double before_s,
              double after_s)
      : points_(points), updates_(updates), before_s_(before_s), after_s_(after_s) {}

  void replace_beside(double edge_s) {
    const auto after = std::upper_bound(points_.begin(), points_.end(), edge_s,
                                        [](double t, const PowerPoint& p) { return t < p.t_s; });
    const auto k = static_cast<size_t>(after - points_.begin());
    replace(k, k + 1, points_.size() > k ? points_[k].t_s - edge_s - before_s_ : 0);
    if (k > 1 && after_s_ > 0) replace(k - 1, k - 2, edge_s - points_[k - 1].t_s - after_s_);
  }

 private:
  /// `beyond_s`: by how much the edge lies beyond what the value of point k says.
  void replace(size_t k, size_t further, double beyond_s) {
    if (k < 1 || k + 1 >= points_.size()) return;
    const double reach = updates_.updates[k].sigma_s * std::sqrt(3.0) + kMostLag_s;
    if (beyond_s > reach) return;
    const double power = points_[k].power_w;
    const double rise = power - points_[k - 1].power_w;
    if (rise * (points_[k + 1].power_w - power) > 0) points_[k].power_w = points_[further].power_w;
  }

  std::vector<PowerPoint>& points_;
  const SensorUpdates& updates_;
  double before_s_;
  double after_s_;
};

/// Integrates power points by trapezoids, except next to window edges (edge_model.h).
class GaugeIntegral {
 public:
  GaugeIntegral(DomainEnergy& out, const SensorUpdates& updates,
                const std::vector<PowerPoint>& points)
      : out_(out),
        updates_(updates),
        points_(points),
        roughness_(roughness_of(points)),
        builder_(updates.origin_ns) {}

  void run(const std::vector<double>& edges) {
    size_t next = 0;
    for (; next < edges.size() && edges[next] <= points_.front().t_s; ++next) {
      add_outside(edges[next], 0, -1);
    }
    for (size_t k = 0; k + 1 < points_.size(); ++k) {
      builder_.add_at(points_[k].t_s, energy_);
      const size_t first = next;
      while (next < edges.size() && edges[next] <= points_[k + 1].t_s) ++next;
      if (first == next) {
        energy_ += mean_power(k) * width(k);
      } else {
        add_interval_with_edges(k, std::span(edges).subspan(first, next - first));
      }
    }
    builder_.add_at(points_.back().t_s, energy_);
    for (; next < edges.size(); ++next) add_outside(edges[next], points_.size() - 1, +1);
    out_.curve = builder_.build();
  }

 private:
  [[nodiscard]] double width(size_t k) const { return points_[k + 1].t_s - points_[k].t_s; }
  [[nodiscard]] double mean_power(size_t k) const {
    return (points_[k].power_w + points_[k + 1].power_w) / 2;
  }
  /// Difference of the powers on the two sides of interval k, two points each.
  [[nodiscard]] double step_across(size_t k) const {
    const double before = k == 0 ? points_[k].power_w : mean_power(k - 1);
    const double after = k + 2 < points_.size() ? mean_power(k + 1) : points_[k + 1].power_w;
    return after - before;
  }

  /// Edges beyond the readings: the nearest power goes on.
  void add_outside(double edge_s, size_t nearest, int direction) {
    const double distance = std::abs(edge_s - points_[nearest].t_s);
    const double diffusion =
        local_diffusion(points_, static_cast<std::ptrdiff_t>(nearest), -direction, roughness_);
    const EdgeSide side{points_[nearest].power_w, distance, 0, diffusion};
    const double variance = extrapolation_variance(side) +
                            square(points_[nearest].power_w * updates_.updates[nearest].sigma_s);
    add_edge(edge_s, variance, variance);
    builder_.add_at(edge_s, energy_ + direction * side.power_w * distance);
  }

  void add_interval_with_edges(size_t k, std::span<const double> edges) {
    const PowerPoint& left = points_[k];
    const PowerPoint& right = points_[k + 1];
    const auto index = static_cast<std::ptrdiff_t>(k);
    const double left_d = local_diffusion(points_, index, -1, roughness_);
    const double right_d = local_diffusion(points_, index + 1, +1, roughness_);
    const double first = edges.front();
    const double last = edges.back();
    const EdgeEstimate before = gauge_edge({left.power_w, first - left.t_s, 0, left_d});
    const EdgeEstimate after = gauge_edge({right.power_w, right.t_s - last, 0, right_d});
    const double sigma = updates_.updates[k].sigma_s;
    const double step = step_across(k);
    const auto time_variance = [&](bool loaded) {
      const TimeError& error = loaded ? kLoadedSide : kIdleSide;
      return square(step * (error.lag_s + error.share * sigma));
    };
    const double middle_power = mean_power(k);
    const double middle_variance = square((right.power_w - left.power_w) * (last - first)) / 12;
    energy_ += before.energy_j;
    double t = first;
    for (const double edge : edges) {
      energy_ += middle_power * (edge - t);
      t = edge;
      builder_.add_at(edge, energy_);
      const bool lone = edges.size() == 1;
      const double before_var = edge == first ? before.variance : middle_variance;
      const double after_var = edge == last ? after.variance : middle_variance;
      add_edge(edge, before_var + time_variance(step < 0) + (lone ? 0 : middle_variance),
               after_var + time_variance(step >= 0) + (lone ? 0 : middle_variance));
    }
    energy_ += after.energy_j;
  }

  void add_edge(double edge_s, double variance_before, double variance_after) {
    out_.edges.push_back({time_ns(updates_.origin_ns, edge_s), variance_before, variance_after});
  }

  DomainEnergy& out_;
  const SensorUpdates& updates_;
  const std::vector<PowerPoint>& points_;
  const Roughness roughness_;
  CurveBuilder builder_;
  double energy_ = 0;
};

/// What lies between readings, interval by interval: (Δp·h)²·trapezoid_factor, and more where
/// readings are missing; docs/metrics.md. Intervals with a window edge have the edge's variance.
/// `steps`: where the load changed within a window, which is no roughness.
void add_interval_variances(DomainEnergy& out, int64_t origin_ns,
                            const std::vector<PowerPoint>& points, const std::vector<double>& edges,
                            const std::vector<double>& steps, double usual_s) {
  const Roughness roughness = roughness_of(points, steps);
  const double factor = roughness.trapezoid_factor();
  double sum = 0;
  out.interval_ends_ns.push_back(time_ns(origin_ns, points.front().t_s));
  out.variance_until.push_back(0);
  for (size_t k = 0; k + 1 < points.size(); ++k) {
    const double h = points[k + 1].t_s - points[k].t_s;
    const double dp = points[k + 1].power_w - points[k].power_w;
    const auto edge = std::lower_bound(edges.begin(), edges.end(), points[k].t_s);
    if (edge == edges.end() || *edge > points[k + 1].t_s) {
      sum += h * h * (dp * dp * factor + square(out.domain.resolution) / 12);
      if (h > 1.5 * usual_s) sum += roughness.diffusion * h * h * h / 12;
    }
    out.interval_ends_ns.push_back(time_ns(origin_ns, points[k + 1].t_s));
    out.variance_until.push_back(sum);
  }
}

/// Powers may differ by more between two readings than at them: by what they differ by nearby, too.
/// Where nobody says over how long a value is a mean, its time may be up to half a period earlier,
/// and a step is smeared over a period (`kLateShare`).
LooseEdges loose_edges(const SensorUpdates& updates, const std::vector<PowerPoint>& points,
                       const std::vector<double>& steps, bool span_known) {
  const Roughness roughness = roughness_of(points, steps);
  LooseEdges loose(LooseEdges::Sensor::kGauge);
  for (size_t k = 0; k + 1 < points.size(); ++k) {
    const double h = points[k + 1].t_s - points[k].t_s;
    const auto index = static_cast<std::ptrdiff_t>(k);
    const double nearby = (local_diffusion(points, index, -1, roughness) +
                           local_diffusion(points, index + 1, +1, roughness)) /
                          2;
    const double step =
        std::sqrt(std::max(square(points[k + 1].power_w - points[k].power_w), nearby * h));
    const double late_s = span_known ? 0 : kLateShare * h;
    loose.add(time_ns(updates.origin_ns, points[k].t_s), step,
              square(step) * (square(updates.updates[k].sigma_s) + square(late_s)));
  }
  loose.close(time_ns(updates.origin_ns, points.back().t_s));
  return loose;
}

}  // namespace

DomainEnergy gauge_energy(const Domain& domain, std::span<const Sample> samples,
                          std::span<const int64_t> edges_ns,
                          std::span<const int64_t> load_changes_ns) {
  DomainEnergy out;
  out.domain = domain;
  const CleanReadings clean = clean_gauge(domain, samples);
  out.spikes = clean.spikes;
  if (clean.readings.size() < 2) {
    out.unusable = "fewer than two readings of " + domain.meter + "/" + domain.name;
    return out;
  }
  out.first_ns = clean.readings.front().t_ns;
  out.last_ns = clean.readings.back().t_ns;
  out.gaps = find_gaps(clean.readings);
  const SensorUpdates updates =
      find_updates(clean.readings, domain.update_period_ns, DomainKind::kGauge);
  const double usual_s = std::max(usual_spacing_s(clean.readings), updates.period_s);
  out.period_s = usual_s;
  const double averaging_s = seconds(domain.averaging_ns);
  std::vector<PowerPoint> points;
  for (const Update& u : updates.updates) points.push_back({u.t_s - averaging_s / 2, u.value});
  const std::vector<double> edges = edges_in_seconds(
      edges_ns, load_changes_ns, std::max(usual_s, averaging_s), updates.origin_ns);
  const std::vector<double> window_edges = edges_in_seconds(edges_ns, updates.origin_ns);
  std::vector<double> load_edges;
  std::set_difference(edges.begin(), edges.end(), window_edges.begin(), window_edges.end(),
                      std::back_inserter(load_edges));
  add_interval_variances(out, updates.origin_ns, points, window_edges, load_edges, usual_s);
  if (averaging_s > 2 * usual_s) {
    integrate_averaged_gauge(out, updates, points, edges);
  } else {
    out.loose = loose_edges(updates, points, edges, averaging_s > 0);
    sort_to_sides(points, updates, edges);
    MixedValues mixed(points, updates, averaging_s > 0 ? averaging_s / 2 : usual_s,
                      averaging_s / 2);
    for (const double edge : edges) mixed.replace_beside(edge);
    GaugeIntegral(out, updates, points).run(edges);
  }
  return out;
}

}  // namespace aieb
