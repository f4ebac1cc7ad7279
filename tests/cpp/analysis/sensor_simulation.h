#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "core/clock.h"
#include "core/events.h"

namespace aieb::simulation {

/// True power of a device on a grid of 2 ms and its exact integral.
class PowerTrace {
 public:
  static constexpr double kStep_s = 0.002;

  explicit PowerTrace(std::vector<double> power_w) : energy_j_{0} {
    for (const double p : power_w) energy_j_.push_back(energy_j_.back() + p * kStep_s);
  }

  [[nodiscard]] double length_s() const {
    return static_cast<double>(energy_j_.size() - 1) * kStep_s;
  }
  /// Energy used up to t.
  [[nodiscard]] double energy(double t_s) const {
    const double position =
        std::clamp(t_s / kStep_s, 0.0, static_cast<double>(energy_j_.size() - 1));
    const auto i = std::min(static_cast<size_t>(position), energy_j_.size() - 2);
    return energy_j_[i] + (position - static_cast<double>(i)) * (energy_j_[i + 1] - energy_j_[i]);
  }

 private:
  std::vector<double> energy_j_;
};

struct Load {
  double idle_w = 80;
  double decode_w = 280;
  double prefill_w = 420;
};

/// Idle before `start_s` and after `end_s`; between them decode power that wanders, with bursts of
/// prefill power; fast noise everywhere.
inline PowerTrace make_trace(std::mt19937_64& random, const Load& load, double start_s,
                             double end_s, double length_s) {
  std::normal_distribution<double> normal;
  std::exponential_distribution<double> burst_gap(1 / 0.8);
  std::uniform_real_distribution<double> burst_length(0.03, 0.25);
  std::vector<double> power;
  double wander = 0;
  double noise = 0;
  double burst_start = start_s;  // a run begins with a prefill
  double burst_end = start_s + burst_length(random);
  const auto n = static_cast<size_t>(length_s / PowerTrace::kStep_s);
  for (size_t i = 0; i < n; ++i) {
    const double t = static_cast<double>(i) * PowerTrace::kStep_s;
    wander += -wander * 0.001 + normal(random) * 0.004;  // a few % over seconds
    noise = 0.65 * noise + normal(random) * 0.04;        // 5 % over milliseconds
    double level = load.idle_w;
    if (t >= start_s && t < end_s) {
      if (t >= burst_end) {
        burst_start = burst_end + burst_gap(random);
        burst_end = burst_start + burst_length(random);
      }
      level = t >= burst_start ? load.prefill_w : load.decode_w;
    }
    power.push_back(std::max(1.0, level * (1 + wander + noise)));
  }
  return PowerTrace(std::move(power));
}

/// How a sensor turns true power into readings.
struct Sensor {
  DomainKind kind = DomainKind::kCounter;
  double update_s = 0.1;       ///< true time between updates
  double update_jitter_s = 0;  ///< standard deviation of each update's time
  double declared_update_s = 0.1;
  double averaging_s = 0;  ///< gauge: mean over this long
  bool declares_averaging = false;
  double read_every_s = 0.1;
  double read_jitter_s = 0.0005;
  bool marks = true;   ///< read right before and after each window edge too
  double mark_s = 0;   ///< for how long a mark goes on reading, every 5 ms
  double delay_s = 0;  ///< largest age of a value when it is published
  double resolution = 0;
  double gain_uncertainty = 0;  ///< k = 2
  double missed = 0.01;         ///< share of readings lost
  double spikes = 0;            ///< share of readings that are nonsense
  double resets = 0;            ///< share of runs in which the counter falls to 0
  double wrap_j = 0;            ///< the counter starts anew here; 0: never
};

struct Recording {
  Domain domain;
  std::vector<Sample> samples;
  double gain = 1;
};

/// Regular readings, and at each edge those of a mark: before an edge that begins a window and
/// after one that ends it, a sensor that holds its value is read until it changes (as the sampler
/// does).
inline std::vector<double> read_times(std::mt19937_64& random, const Sensor& sensor,
                                      const std::vector<double>& edges, double length_s) {
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  std::vector<double> times;
  for (double t = uniform(random) * sensor.read_every_s; t < length_s; t += sensor.read_every_s) {
    if (uniform(random) < sensor.missed) continue;
    times.push_back(t + std::abs(normal(random)) * sensor.read_jitter_s);
  }
  if (sensor.marks) {
    for (const double edge : edges) {
      const bool begins = edge == edges.front();
      const double from = begins ? edge - sensor.mark_s - 0.0005 : edge + 0.0005;
      times.push_back(from);
      for (double t = from; t < from + sensor.mark_s; t += 0.005) times.push_back(t);
    }
  }
  std::sort(times.begin(), times.end());
  return times;
}

inline std::vector<double> update_times(std::mt19937_64& random, const Sensor& sensor,
                                        double length_s) {
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  std::vector<double> times;
  for (double t = (uniform(random) - 2) * sensor.update_s; t < length_s; t += sensor.update_s) {
    times.push_back(sensor.update_jitter_s > 0 ? t + normal(random) * sensor.update_jitter_s : t);
  }
  std::sort(times.begin(), times.end());
  return times;
}

/// What the sensor shows for the update at `t_s`.
inline double value_at_update(const Sensor& sensor, const PowerTrace& trace, double gain,
                              double t_s, double reset_s) {
  double value = 0;
  if (sensor.kind == DomainKind::kCounter) {
    value = gain * (trace.energy(t_s) - (t_s > reset_s ? trace.energy(reset_s) : 0));
    if (sensor.wrap_j > 0) value = std::fmod(value, sensor.wrap_j);
  } else {
    const double span = std::max(sensor.averaging_s, PowerTrace::kStep_s);
    value = gain * (trace.energy(t_s) - trace.energy(t_s - span)) / span;
  }
  return sensor.resolution > 0 ? std::floor(value / sensor.resolution) * sensor.resolution : value;
}

inline Recording record(std::mt19937_64& random, const Sensor& sensor, const PowerTrace& trace,
                        const std::vector<double>& edges) {
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  Recording out;
  out.gain = 1 + normal(random) * sensor.gain_uncertainty / 2;
  out.domain.meter = "simulated";
  out.domain.name = "sensor";
  out.domain.component = Component::kGpu;
  out.domain.kind = sensor.kind;
  out.domain.unit = sensor.kind == DomainKind::kCounter ? "J" : "W";
  out.domain.resolution = sensor.resolution;
  out.domain.update_period_ns = nanoseconds(sensor.declared_update_s);
  out.domain.averaging_ns = sensor.declares_averaging ? nanoseconds(sensor.averaging_s) : 0;
  out.domain.gain_uncertainty = sensor.gain_uncertainty;
  const double length = trace.length_s();
  const double delay = uniform(random) * sensor.delay_s;
  const double reset = uniform(random) < sensor.resets ? uniform(random) * length : length + 1;
  const std::vector<double> updates = update_times(random, sensor, length);
  for (const double t : read_times(random, sensor, edges, length)) {
    const auto after = std::upper_bound(updates.begin(), updates.end(), t);
    const double updated = sensor.update_s > 0 && after != updates.begin() ? *(after - 1) : t;
    double value = value_at_update(sensor, trace, out.gain, updated - delay, reset);
    if (uniform(random) < sensor.spikes) value = uniform(random) < 0.5 ? 0 : value * 1000 + 1e6;
    out.samples.push_back({0, nanoseconds(t), value});
  }
  return out;
}

}  // namespace aieb::simulation
