#include "analysis/power_series.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

/// An hour at 100 W, read ten times a second, with one reading of `spike_w` and one of `dip_w`.
Trace hour_with(double spike_w, double dip_w) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 3600);
  b.domain(Component::kGpu, DomainKind::kGauge).name = "gpu-0/power";
  b.samples(0, 3600, 0.1, [=](double t) {
    if (std::abs(t - 1000) < 0.05) return spike_w;
    if (std::abs(t - 2000) < 0.05) return dip_w;
    return 100.0;
  });
  return b.trace();
}

TEST(PowerSeries, keeps_peaks_and_troughs_when_thinned) {
  const Results r = analyze(hour_with(700, 10));
  ASSERT_EQ(r.power.size(), 1U);
  const auto [low, high] = std::ranges::minmax(r.power[0].power_w);
  EXPECT_LE(r.power[0].t_s.size(), kPowerPoints);
  EXPECT_GT(high, 350) << "half of a reading's span at the least";
  EXPECT_LT(low, 60);
}

TEST(PowerSeries, times_increase_and_lie_within_the_run) {
  const Results r = analyze(hour_with(700, 10));
  const std::vector<double>& t = r.power[0].t_s;
  EXPECT_TRUE(std::ranges::is_sorted(t));
  EXPECT_EQ(std::ranges::adjacent_find(t), t.end());
  EXPECT_GE(t.front(), 0);
  EXPECT_LE(t.back(), 3600);
}

TEST(PowerSeries, follows_a_counter_from_phase_to_phase) {
  TraceBuilder b;
  b.phase(PhaseKind::kIdle, 10, 20).phase(PhaseKind::kMeasure, 20, 30);
  b.domain(Component::kCpu, DomainKind::kCounter, 1);
  b.samples(5, 35, 0.1, [](double t) { return step_energy(t, 20, 30, 50, 250); });
  const Results r = analyze(b.trace());
  ASSERT_EQ(r.power.size(), 1U);
  const PowerSeries& series = r.power[0];
  EXPECT_EQ(series.domain, "test/cpu1-counter");
  EXPECT_EQ(series.index, 1);
  EXPECT_EQ(series.kind, "counter");
  for (size_t i = 0; i < series.t_s.size(); ++i) {
    if (std::abs(series.t_s[i] - 10) < 0.2) continue;  // the step itself
    EXPECT_NEAR(series.power_w[i], series.t_s[i] < 10 ? 50 : 250, 1) << series.t_s[i];
  }
}

TEST(PowerSeries, is_empty_where_nothing_is_measured) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 10);
  EXPECT_TRUE(analyze(b.trace()).power.empty());
}

}  // namespace
}  // namespace aieb
