#include "analysis/cost.h"

#include <gtest/gtest.h>

#include "analysis/analyze.h"
#include "analysis/trace_builder.h"

namespace aieb {
namespace {

/// 36 s at 1000 W on one GPU: 0.01 kWh, 0.01 GPU hours, four answers.
Results run_with(const Json& price, double pue = 1) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 36);
  Domain& gpu = b.domain(Component::kGpu, DomainKind::kCounter);
  gpu.meter = "nvml";
  gpu.gain_uncertainty = 0.05;
  b.samples(-1, 37, 0.1, [](double t) { return 1000 * (t + 1); });
  for (int i = 0; i < 4; ++i) b.request(9 * i, 9 * i + 9);
  b.meta(meta::kConfig, Json{{"metrics", {{"price", price}}}});
  CarbonFactor factor;
  factor.pue = pue;
  b.meta(meta::kCarbon, to_json(factor));
  return analyze(b.trace());
}

TEST(Cost, of_energy_is_energy_times_pue_times_price) {
  const Cost cost = run_with({{"per_kwh", 0.3}, {"currency", "EUR"}}, 1.2).cost;
  EXPECT_NEAR(*cost.energy.value, 0.01 * 1.2 * 0.3, 1e-6);
  EXPECT_NEAR(cost.energy.systematic, 0.05 * *cost.energy.value, 1e-6);
  EXPECT_EQ(cost.energy.unit, "EUR");
  EXPECT_FALSE(cost.gpu_time.known());
  EXPECT_EQ(*cost.total.value, *cost.energy.value);
}

TEST(Cost, of_gpus_is_their_hours_times_price) {
  const Cost cost = run_with({{"per_kwh", 0.3}, {"per_gpu_hour", 2.5}}).cost;
  EXPECT_NEAR(*cost.gpu_time.value, 0.025, 1e-9);
  EXPECT_NEAR(*cost.total.value, 0.003 + 0.025, 1e-6);
  EXPECT_NEAR(*cost.per_1000_prompts.value, *cost.total.value * 250, 1e-9);
}

TEST(Cost, without_a_price_names_the_key) {
  const Cost cost = run_with(Json::object()).cost;
  EXPECT_FALSE(cost.total.known());
  EXPECT_NE(cost.energy.reason.find("metrics.price.per_kwh"), std::string::npos);
  EXPECT_NE(cost.gpu_time.reason.find("metrics.price.per_gpu_hour"), std::string::npos);
  EXPECT_FALSE(run_with(nullptr).cost.total.known());
}

TEST(Cost, of_unknown_energy_is_unknown) {
  TraceBuilder b;
  b.phase(PhaseKind::kMeasure, 0, 36)
      .meta(meta::kConfig, Json{{"metrics", {{"price", {{"per_kwh", 0.3}, {"per_gpu_hour", 1}}}}}});
  const Cost cost = analyze(b.trace()).cost;
  EXPECT_FALSE(cost.energy.known());
  EXPECT_FALSE(cost.total.known());
  EXPECT_EQ(cost.gpu_time.reason, "no GPU was measured");
}

}  // namespace
}  // namespace aieb
