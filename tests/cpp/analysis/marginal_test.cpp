#include "analysis/marginal.h"

#include <cmath>

#include <gtest/gtest.h>

namespace aieb {
namespace {

/// A stretch of `duration_s` at `watts`, by one domain whose gain is known to 5 %.
WindowEnergy stretch(double watts, double duration_s) {
  Quantity gross;
  gross.unit = "J";
  gross.value = watts * duration_s;
  gross.systematic = 0.05 * *gross.value;
  gross.random = 1;
  gross.source = Source::kMeasuredCounter;
  WindowEnergy out;
  out.duration_s = duration_s;
  out.domains["rapl/package-0"].gross = gross;
  out.components[Component::kCpu].gross = gross;
  out.total.gross = gross;
  return out;
}

Results run(double watts, double duration_s, double tokens_per_s) {
  Results r;
  r.environment = {{"host", "h1"}};
  r.measure = stretch(watts, duration_s);
  r.output_tokens_per_s = tokens_per_s;
  return r;
}

TEST(Marginal, is_the_further_power_over_the_further_tokens_whatever_the_runs_durations_are) {
  // 100 W at rest and 0.5 J a token: 150 W at 100 tokens/s, 250 W at 300.
  for (const double duration_s : {10.0, 40.0}) {
    const Quantity q = marginal_energy_per_token(run(150, 20, 100), run(250, duration_s, 300));
    ASSERT_TRUE(q.known()) << q.reason;
    EXPECT_NEAR(*q.value, 0.5, 1e-12);
    EXPECT_EQ(q.unit, "J");
  }
}

TEST(Marginal, has_the_uncertainty_of_the_difference_in_power) {
  const Quantity q = marginal_energy_per_token(run(150, 20, 100), run(250, 10, 300));
  EXPECT_NEAR(q.random, std::hypot(1.0 / 20, 1.0 / 10) / 200, 1e-12);
  // One sensor: 5 % of 100 W, and a tenth of 7.5 W and 12.5 W that may have changed between.
  EXPECT_NEAR(q.systematic, std::hypot(5, 0.75, 1.25) / 200, 1e-12);

  Results elsewhere = run(250, 10, 300);
  elsewhere.environment["host"] = "h2";
  const Quantity apart = marginal_energy_per_token(run(150, 20, 100), elsewhere);
  EXPECT_NEAR(apart.systematic, std::hypot(7.5, 12.5) / 200, 1e-12);
}

TEST(Marginal, takes_the_steady_state_where_both_runs_have_one) {
  Results lower = run(1, 1, 1);
  Results higher = run(1, 1, 2);
  lower.steady_state.emplace();
  lower.steady_state->energy = stretch(150, 20);
  lower.steady_state->output_tokens_per_s = 100;
  EXPECT_NEAR(*marginal_energy_per_token(lower, higher).value, 0, 1e-12);
  higher.steady_state = lower.steady_state;
  higher.steady_state->energy = stretch(250, 20);
  higher.steady_state->output_tokens_per_s = 300;
  EXPECT_NEAR(*marginal_energy_per_token(lower, higher).value, 0.5, 1e-12);
}

TEST(Marginal, is_missing_with_the_reason_where_it_cannot_be_known) {
  const auto reason = [](const Results& a, const Results& b) {
    const Quantity q = marginal_energy_per_token(a, b);
    EXPECT_FALSE(q.known());
    return q.reason;
  };
  EXPECT_EQ(reason(run(150, 20, 100), run(250, 20, 100)),
            "the higher load made no more tokens per second");
  Results uncounted = run(250, 20, 300);
  uncounted.output_tokens_per_s.reset();
  EXPECT_EQ(reason(run(150, 20, 100), uncounted),
            "the output tokens of one of the loads are not known");
  Results unmetered = run(250, 20, 300);
  unmetered.measure.components.clear();
  EXPECT_EQ(reason(run(150, 20, 100), unmetered),
            "the two loads were not measured by the same components");
  Results dark = run(0, 20, 100);
  dark.measure = WindowEnergy();
  dark.measure.duration_s = 20;
  dark.measure.total.gross = Quantity::missing("J", "no meter");
  Results darker = dark;
  darker.output_tokens_per_s = 300;
  EXPECT_EQ(reason(dark, darker), "no meter");
}

}  // namespace
}  // namespace aieb
