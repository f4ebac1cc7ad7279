#include "analysis/shaped_counter.h"

#include <algorithm>
#include <cmath>

#include "analysis/curve_builder.h"

namespace aieb {
namespace {

/// Counter values on each side of an edge that are tried.
constexpr std::ptrdiff_t kReach = 4;

double square(double x) { return x * x; }

struct Candidate {
  double energy_j = 0;
  double variance = 0;
};

class ShapedEdges {
 public:
  ShapedEdges(const SensorUpdates& sensor, const DomainEnergy& shape)
      : sensor_(sensor), shape_(shape) {}

  [[nodiscard]] Candidate at(double t) const {
    const auto& u = sensor_.updates;
    const auto after = std::upper_bound(u.begin(), u.end(), t,
                                        [](double v, const Update& x) { return v < x.t_s; });
    const auto next = static_cast<std::ptrdiff_t>(after - u.begin());
    const auto n = static_cast<std::ptrdiff_t>(u.size());
    const double scale =
        local_scale(std::max<std::ptrdiff_t>(0, next - kReach), std::min(n - 1, next + kReach - 1));
    Candidate left{0, -1};
    Candidate right{0, -1};
    for (std::ptrdiff_t k = std::max<std::ptrdiff_t>(0, next - kReach); k < next; ++k) {
      take_better(left, along_shape(u[k], t, scale));
    }
    for (std::ptrdiff_t k = next; k < std::min(n, next + kReach); ++k) {
      take_better(right, along_shape(u[k], t, scale));
    }
    return combine(left, right);
  }

 private:
  [[nodiscard]] int64_t ns(double t_s) const { return time_ns(sensor_.origin_ns, t_s); }

  /// Counted energy per integrated energy between two updates.
  [[nodiscard]] double local_scale(std::ptrdiff_t from, std::ptrdiff_t to) const {
    const Update& a = sensor_.updates[from];
    const Update& b = sensor_.updates[to];
    const double integrated = shape_.curve.between(ns(a.t_s), ns(b.t_s));
    return integrated > 0 && b.value > a.value ? (b.value - a.value) / integrated : 1;
  }

  [[nodiscard]] Candidate along_shape(const Update& u, double t, double scale) const {
    const int64_t from = ns(std::min(u.t_s, t));
    const int64_t to = ns(std::max(u.t_s, t));
    const Quantity between = shape_.energy({from, to});
    const double way = scale * *between.value * (t >= u.t_s ? 1 : -1);
    return {u.value + way, square(scale * between.random / 2) + square(error_of(u))};
  }

  /// Energy that may be used during the time within which the update was taken.
  [[nodiscard]] double error_of(const Update& u) const {
    const double half = u.sigma_s * std::sqrt(3.0);
    return shape_.curve.between(ns(u.t_s - half), ns(u.t_s + half)) / std::sqrt(12.0);
  }

  static void take_better(Candidate& best, const Candidate& candidate) {
    if (best.variance < 0 || candidate.variance < best.variance) best = candidate;
  }

  static Candidate combine(const Candidate& a, const Candidate& b) {
    if (a.variance < 0) return b;
    if (b.variance < 0) return a;
    const double sum = a.variance + b.variance;
    if (sum <= 0) return a;
    const double contradiction = square(a.energy_j - b.energy_j) / sum;
    return {(a.energy_j * b.variance + b.energy_j * a.variance) / sum,
            a.variance * b.variance / sum * std::max(1.0, contradiction)};
  }

  const SensorUpdates& sensor_;
  const DomainEnergy& shape_;
};

/// Points where the curve is known: counter values and edges, by time and never falling.
struct Anchor {
  int64_t t_ns;
  double energy_j;
};

/// Adds the shape's points between two anchors, scaled to the energy between them.
void add_between(CurveBuilder& builder, const Anchor& a, const Anchor& b,
                 const EnergyCurve& shape) {
  const double integrated = shape.between(a.t_ns, b.t_ns);
  if (integrated <= 0) return;
  const auto& times = shape.times_ns();
  const double start = shape.at(a.t_ns);
  auto it = std::upper_bound(times.begin(), times.end(), a.t_ns);
  for (; it != times.end() && *it < b.t_ns; ++it) {
    const double part = (shape.energy_j()[it - times.begin()] - start) / integrated;
    builder.add(*it, a.energy_j + part * (b.energy_j - a.energy_j));
  }
}

}  // namespace

void add_with_shape(DomainEnergy& out, const SensorUpdates& sensor,
                    const std::vector<double>& edges, const DomainEnergy& shape) {
  const ShapedEdges reader(sensor, shape);
  const double quantisation = square(out.domain.resolution) / 12;
  std::vector<Anchor> anchors;
  for (const double t : edges) {
    const Candidate edge = reader.at(t);
    const double variance = edge.variance + quantisation;
    anchors.push_back({time_ns(sensor.origin_ns, t), edge.energy_j});
    out.edges.push_back({anchors.back().t_ns, variance, variance});
  }
  // A counter value whose time is not known well must not bend the curve beside an edge.
  for (const Update& u : sensor.updates) {
    const bool near_edge = std::any_of(edges.begin(), edges.end(), [&](double t) {
      return std::abs(t - u.t_s) < sensor.period_s;
    });
    if (!near_edge) anchors.push_back({time_ns(sensor.origin_ns, u.t_s), u.value});
  }
  std::sort(anchors.begin(), anchors.end(),
            [](const Anchor& a, const Anchor& b) { return a.t_ns < b.t_ns; });
  CurveBuilder builder(sensor.origin_ns);
  for (size_t i = 0; i < anchors.size(); ++i) {
    builder.add(anchors[i].t_ns, anchors[i].energy_j);
    if (i + 1 < anchors.size()) add_between(builder, anchors[i], anchors[i + 1], shape.curve);
  }
  out.curve = builder.build();
  // Between the windows' edges the counter's energy lies as the shape says.
  out.loose = shape.loose;
  for (const EdgeError& edge : shape.edges) {
    const bool known = std::any_of(out.edges.begin(), out.edges.end(), [&](const EdgeError& e) {
      return std::abs(e.t_ns - edge.t_ns) < 1000;
    });
    if (!known) out.edges.push_back(edge);
  }
  std::sort(out.edges.begin(), out.edges.end(),
            [](const EdgeError& a, const EdgeError& b) { return a.t_ns < b.t_ns; });
}

}  // namespace aieb
