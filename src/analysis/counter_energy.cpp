#include <algorithm>
#include <cmath>

#include "analysis/curve_builder.h"
#include "analysis/domain_energy.h"
#include "analysis/edge_model.h"
#include "analysis/roughness.h"
#include "analysis/shaped_counter.h"
#include "analysis/updates.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// A counter that says the same this often and this long does not count.
constexpr size_t kStuckReadings = 20;
constexpr double kStuckAfter_s = 5;

double square(double x) { return x * x; }

/// Mean power between successive updates, at the middle of each interval.
std::vector<PowerPoint> interval_powers(const std::vector<Update>& updates) {
  std::vector<PowerPoint> powers;
  for (size_t i = 1; i < updates.size(); ++i) {
    const double h = std::max(updates[i].t_s - updates[i - 1].t_s, 1e-9);
    powers.push_back(
        {(updates[i].t_s + updates[i - 1].t_s) / 2, (updates[i].value - updates[i - 1].value) / h});
  }
  return powers;
}

/// Reads the energy at window edges from a counter alone.
class CounterEdges {
 public:
  explicit CounterEdges(const SensorUpdates& sensor)
      : sensor_(sensor),
        powers_(interval_powers(sensor.updates)),
        roughness_(roughness_of(powers_)) {}

  [[nodiscard]] EdgeEstimate at(double t) const {
    const auto& u = sensor_.updates;
    if (t <= u.front().t_s) return outside(t, 0, 0, -1);
    if (t >= u.back().t_s) return outside(t, u.size() - 1, powers_.size() - 1, +1);
    const auto after = std::upper_bound(u.begin(), u.end(), t,
                                        [](double v, const Update& x) { return v < x.t_s; });
    const auto j = static_cast<std::ptrdiff_t>(after - u.begin()) - 1;
    const double sigma = std::sqrt((square(u[j].sigma_s) + square(u[j + 1].sigma_s)) / 2);
    return counter_edge(u[j].value, u[j + 1].value, side(j, -1, t - u[j].t_s),
                        side(j, +1, u[j + 1].t_s - t), sigma);
  }

  [[nodiscard]] LooseEdges loose() const {
    LooseEdges out(LooseEdges::Sensor::kCounter);
    for (size_t k = 0; k < powers_.size(); ++k) {
      const Update& a = sensor_.updates[k];
      const double power = powers_[k].power_w;
      const double before = k == 0 ? power : powers_[k - 1].power_w;
      const double after = k + 1 == powers_.size() ? power : powers_[k + 1].power_w;
      const auto [least, most] = std::minmax({before, power, after});
      out.add(time_ns(sensor_.origin_ns, a.t_s), most - least, square(power * a.sigma_s));
    }
    out.close(time_ns(sensor_.origin_ns, sensor_.updates.back().t_s));
    return out;
  }

 private:
  /// The side of interval j's edge: power of the nearest whole interval beside it.
  [[nodiscard]] EdgeSide side(std::ptrdiff_t j, int direction, double distance_s) const {
    const auto last = static_cast<std::ptrdiff_t>(powers_.size()) - 1;
    const std::ptrdiff_t k = std::clamp<std::ptrdiff_t>(j + direction, 0, last);
    const double over = sensor_.updates[k + 1].t_s - sensor_.updates[k].t_s;
    // Interval means differ by D·2h/3, not D·h, for a random walk.
    const double diffusion = 1.5 * local_diffusion(powers_, k, direction, roughness_);
    return {powers_[k].power_w, distance_s, over, diffusion};
  }

  [[nodiscard]] EdgeEstimate outside(double t, size_t update, size_t interval,
                                     int direction) const {
    const Update& u = sensor_.updates[update];
    EdgeSide beside = side(static_cast<std::ptrdiff_t>(interval), 0, std::abs(t - u.t_s));
    beside.diffusion = 1.5 * local_diffusion(powers_, static_cast<std::ptrdiff_t>(interval),
                                             -direction, roughness_);
    return {u.value + direction * beside.power_w * beside.distance_s,
            extrapolation_variance(beside) + square(beside.power_w * u.sigma_s)};
  }

  const SensorUpdates& sensor_;
  std::vector<PowerPoint> powers_;
  Roughness roughness_;
};

std::string why_unusable(const Domain& domain, const CleanReadings& clean,
                         const SensorUpdates& sensor) {
  const std::string name = domain.meter + "/" + domain.name;
  if (clean.readings.size() < 2) return "fewer than two readings of " + name;
  const double span_s = seconds(clean.readings.back().t_ns - clean.readings.front().t_ns);
  if (sensor.updates.size() >= 2) return "";
  if (clean.readings.size() >= kStuckReadings && span_s >= kStuckAfter_s) {
    return name + " is stuck: it counted nothing in " + std::to_string(std::lround(span_s)) + " s";
  }
  return name + " counted no step";
}

void add_without_shape(DomainEnergy& out, const SensorUpdates& sensor,
                       const std::vector<double>& edges) {
  const CounterEdges reader(sensor);
  CurveBuilder builder(sensor.origin_ns);
  for (const Update& update : sensor.updates) builder.add_at(update.t_s, update.value);
  const double quantisation = square(out.domain.resolution) / 12;
  for (const double t : edges) {
    const EdgeEstimate edge = reader.at(t);
    const double variance = edge.variance + quantisation;
    builder.add_at(t, edge.energy_j);
    out.edges.push_back({time_ns(sensor.origin_ns, t), variance, variance});
  }
  out.curve = builder.build();
  out.loose = reader.loose();
}

}  // namespace

DomainEnergy counter_energy(const Domain& domain, std::span<const Sample> samples,
                            std::span<const int64_t> known_breaks,
                            std::span<const int64_t> edges_ns, const DomainEnergy* shape,
                            std::span<const int64_t> load_changes_ns) {
  DomainEnergy out;
  out.domain = domain;
  CleanReadings clean = clean_counter(domain, samples, known_breaks);
  const SensorUpdates sensor =
      find_updates(clean.readings, domain.update_period_ns, DomainKind::kCounter);
  out.unusable = why_unusable(domain, clean, sensor);
  if (!out.unusable.empty()) return out;
  out.spikes = clean.spikes;
  out.breaks = std::move(clean.breaks);
  out.first_ns = clean.readings.front().t_ns;
  out.last_ns = clean.readings.back().t_ns;
  out.gaps = find_gaps(clean.readings);
  out.period_s = std::max(usual_spacing_s(clean.readings), sensor.period_s);
  if (shape != nullptr && shape->unusable.empty()) {
    add_with_shape(out, sensor, edges_in_seconds(edges_ns, sensor.origin_ns), *shape);
  } else {
    add_without_shape(out, sensor,
                      edges_in_seconds(edges_ns, load_changes_ns, out.period_s, sensor.origin_ns));
  }
  return out;
}

}  // namespace aieb
