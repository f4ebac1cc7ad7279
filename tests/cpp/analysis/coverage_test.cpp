#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "analysis/domain_energy.h"
#include "analysis/sensor_simulation.h"
#include "analysis/test_seed.h"

namespace aieb {
namespace {
using simulation::Load;
using simulation::make_trace;
using simulation::PowerTrace;
using simulation::record;
using simulation::Recording;
using simulation::Sensor;

/// The sensors as docs/metrics.md describes them. Every figure is of the true sensor; what the
/// analysis is told is `declared_update_s`, the resolution and the gain's prior.
Sensor nvml_counter() {
  Sensor s;
  s.update_s = 0.1007;
  s.update_jitter_s = 0.0005;
  s.declared_update_s = 0.1;
  s.read_every_s = 0.023;
  s.delay_s = 0.002;
  s.resolution = 1e-3;
  s.gain_uncertainty = 0.05;
  return s;
}

/// As the sampler reads it: once a second, and at marks until it changes.
Sensor nvml_counter_read_seldom() {
  Sensor s = nvml_counter();
  s.read_every_s = 1;
  s.mark_s = 0.11;
  return s;
}

Sensor rapl() {
  Sensor s;
  s.update_s = s.declared_update_s = 0.001;
  s.read_every_s = 0.1;
  s.resolution = 61e-6;
  s.gain_uncertainty = 0.05;
  return s;
}

/// Sees 25 ms of every 100 ms, as NVML's instant field of A100 and H100.
Sensor momentary_gauge() {
  Sensor s = nvml_counter();
  s.kind = DomainKind::kGauge;
  s.averaging_s = 0.025;
  s.declares_averaging = true;
  s.read_every_s = 0.1;
  return s;
}

/// As the sampler reads it.
Sensor momentary_gauge_read_often() {
  Sensor s = momentary_gauge();
  s.read_every_s = 0.05;
  return s;
}

/// Over how long it averages nobody said.
Sensor gauge_of_unknown_span(double averaging_s) {
  Sensor s = momentary_gauge_read_often();
  s.averaging_s = averaging_s;
  s.declares_averaging = false;
  return s;
}

Sensor averaging_gauge() {
  Sensor s = momentary_gauge();
  s.averaging_s = 1;
  return s;
}

Sensor without_marks(Sensor s) {
  s.marks = false;
  return s;
}

/// Readings of nonsense, resets and wraps in many runs.
Sensor with_faults(Sensor s) {
  s.missed = 0.05;
  s.spikes = 0.003;
  if (s.kind == DomainKind::kCounter) {
    s.resets = 0.1;
    s.wrap_j = 2000;
  }
  return s;
}

struct Case {
  std::string name;
  Sensor sensor;
  bool with_gauge = false;  ///< power of the same device is read, too
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// How a sensor did over many runs.
struct Outcome {
  int runs = 0;
  int covered = 0;         ///< |measured − true| ≤ uncertainty
  int random_covered = 0;  ///< the same without gain: |measured − gain·true| ≤ random part
  double squares = 0;      ///< of the error without gain
  double polling_squares = 0;
  double stated_squares = 0;

  void print(const Case& c, const char* windows) const {
    std::printf(
        "%-32s %-8s covered %5.1f %%, random part alone %5.1f %%, rms error %6.2f J "
        "(stated %5.2f), polling %7.2f J, ratio %.1f\n",
        c.name.c_str(), windows, 100.0 * covered / runs, 100.0 * random_covered / runs,
        std::sqrt(squares / runs), std::sqrt(stated_squares / runs),
        std::sqrt(polling_squares / runs), better_than_polling());
  }
  [[nodiscard]] double better_than_polling() const { return std::sqrt(polling_squares / squares); }
};

/// Last minus first reading within the window; for a gauge, their mean power times the time
/// between them.
double plain_polling(const Recording& recording, double start_s, double end_s) {
  double first = 0;
  double last = 0;
  double first_s = 0;
  double last_s = 0;
  double sum = 0;
  int n = 0;
  for (const Sample& sample : recording.samples) {
    const double t = seconds(sample.t_ns);
    if (t < start_s || t > end_s) continue;
    if (n++ == 0) {
      first = sample.value;
      first_s = t;
    }
    last = sample.value;
    last_s = t;
    sum += sample.value;
  }
  if (recording.domain.kind == DomainKind::kCounter) return last - first;
  return n == 0 ? 0 : sum / n * (last_s - first_s);
}

DomainEnergy measure(const Recording& recording, std::span<const int64_t> edges,
                     const DomainEnergy* shape) {
  if (recording.domain.kind == DomainKind::kCounter) {
    return counter_energy(recording.domain, recording.samples, {}, edges, shape);
  }
  return gauge_energy(recording.domain, recording.samples, edges);
}

void run_once(std::mt19937_64& random, const Case& c, double window_s, Outcome& outcome) {
  std::uniform_real_distribution<double> uniform;
  const double start_s = 3 + uniform(random);
  const double end_s = start_s + window_s;
  const double tail_s = uniform(random) < 0.5 ? 0.3 : 1.5;
  const PowerTrace trace = make_trace(random, Load{}, start_s + 0.008 * uniform(random),
                                      end_s - 0.008 * uniform(random), end_s + tail_s);
  const std::vector<double> at{start_s, end_s};
  const std::vector<int64_t> edges{nanoseconds(start_s), nanoseconds(end_s)};
  const Recording recording = record(random, c.sensor, trace, at);
  DomainEnergy shape;
  if (c.with_gauge) {
    const Recording power = record(random, momentary_gauge_read_often(), trace, at);
    shape = measure(power, edges, nullptr);
  }
  const Quantity energy =
      measure(recording, edges, c.with_gauge ? &shape : nullptr).energy({edges[0], edges[1]});
  ASSERT_TRUE(energy.known()) << energy.reason;
  const double truth = trace.energy(end_s) - trace.energy(start_s);
  const double error = *energy.value - truth * recording.gain;
  const double polling = plain_polling(recording, start_s, end_s) - truth * recording.gain;
  ++outcome.runs;
  outcome.covered += std::abs(*energy.value - truth) <= energy.uncertainty() ? 1 : 0;
  outcome.random_covered += std::abs(error) <= energy.random ? 1 : 0;
  outcome.squares += error * error;
  outcome.polling_squares += polling * polling;
  outcome.stated_squares += energy.random * energy.random / 4;
}

constexpr int kRuns = 2000;

class Coverage : public ::testing::TestWithParam<Case> {};

TEST_P(Coverage, the_stated_interval_holds_the_true_energy_in_93_to_97_percent_of_the_runs) {
  std::mt19937_64 random(test_seed());
  std::uniform_real_distribution<double> uniform;
  Outcome outcome;
  for (int i = 0; i < kRuns; ++i) {
    run_once(random, GetParam(), 0.5 * std::pow(20, uniform(random)), outcome);
  }
  outcome.print(GetParam(), "0.5-10 s");
  EXPECT_GE(outcome.covered, 0.93 * kRuns);
  EXPECT_LE(outcome.covered, 0.97 * kRuns);
  // Where the gain is known, the random part alone is safe, too.
  EXPECT_GE(outcome.random_covered, 0.92 * kRuns);
}

INSTANTIATE_TEST_SUITE_P(
    Sensors, Coverage,
    ::testing::Values(Case{"NVML counter, read every 23 ms", nvml_counter()},
                      Case{"NVML counter, once a second", nvml_counter_read_seldom()},
                      Case{"NVML counter with its gauge", nvml_counter_read_seldom(), true},
                      Case{"RAPL, every 100 ms", without_marks(rapl())},
                      Case{"RAPL, with marks", rapl()},
                      Case{"momentary gauge, every 100 ms", momentary_gauge()},
                      Case{"momentary gauge, every 50 ms", momentary_gauge_read_often()},
                      Case{"25 ms gauge, span unknown", gauge_of_unknown_span(0.025)},
                      Case{"100 ms gauge, span unknown", gauge_of_unknown_span(0.1)},
                      Case{"1 s average gauge", averaging_gauge()},
                      Case{"NVML counter with faults", with_faults(nvml_counter())},
                      Case{"RAPL with faults", with_faults(rapl())},
                      Case{"momentary gauge with faults", with_faults(momentary_gauge())}),
    [](const auto& info) {
      std::string name = info.param.name;
      for (char& ch : name) ch = std::isalnum(static_cast<unsigned char>(ch)) != 0 ? ch : '_';
      return name;
    });

/// Windows shorter than 20 sensor periods.
Outcome short_windows(const Case& c, double period_s) {
  std::mt19937_64 random(test_seed());
  std::uniform_real_distribution<double> uniform;
  Outcome outcome;
  for (int i = 0; i < kRuns / 2; ++i) {
    run_once(random, c, period_s * (5 + 15 * uniform(random)), outcome);
  }
  outcome.print(c, "short");
  return outcome;
}

TEST(ShortWindows, counters_beat_plain_polling_five_times) {
  for (const Case& c : {Case{"NVML counter, read every 23 ms", without_marks(nvml_counter())},
                        Case{"NVML counter with its gauge", nvml_counter_read_seldom(), true},
                        Case{"RAPL, every 100 ms", without_marks(rapl())}}) {
    EXPECT_GT(short_windows(c, 0.1).better_than_polling(), 5) << c.name;
  }
}

TEST(ShortWindows, an_averaging_gauge_beats_plain_polling_five_times) {
  EXPECT_GT(short_windows({"1 s average gauge", averaging_gauge()}, 0.1).better_than_polling(), 5);
}

/// It sees a quarter of the time; the rest is what its error is made of (docs/metrics.md).
TEST(ShortWindows, a_momentary_gauge_beats_plain_polling_five_times) {
  EXPECT_GT(short_windows({"momentary gauge", momentary_gauge()}, 0.1).better_than_polling(), 5);
}

TEST(ShortWindows, a_gauge_of_unknown_span_does_nearly_as_well) {
  Sensor unknown = momentary_gauge();
  unknown.declares_averaging = false;
  EXPECT_GT(short_windows({"25 ms gauge, span unknown", unknown}, 0.1).better_than_polling(), 4);
}

}  // namespace
}  // namespace aieb
