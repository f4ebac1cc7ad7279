#include "core/quantity.h"

#include <array>

#include <gtest/gtest.h>

namespace aieb {
namespace {

Quantity joules(double value, double systematic, double random,
                Source source = Source::kMeasuredCounter) {
  return {value, systematic, random, "J", source, ""};
}

TEST(Quantity, independent_domains_add_both_parts_in_quadrature) {
  const std::array parts{joules(10, 3, 1), joules(20, 4, 2)};
  const Quantity sum = sum_independent(parts);
  EXPECT_DOUBLE_EQ(*sum.value, 30);
  EXPECT_DOUBLE_EQ(sum.systematic, 5);
  EXPECT_DOUBLE_EQ(sum.random, std::sqrt(5.0));
  EXPECT_EQ(sum.source, Source::kMeasuredCounter);
}

TEST(Quantity, windows_of_one_domain_add_systematic_linearly) {
  const std::array parts{joules(10, 3, 1), joules(20, 4, 2)};
  EXPECT_DOUBLE_EQ(sum_correlated(parts).systematic, 7);
}

TEST(Quantity, domains_that_are_read_together_add_random_linearly) {
  const std::array parts{joules(10, 3, 1), joules(20, 4, 2)};
  EXPECT_DOUBLE_EQ(sum_read_together(parts).systematic, 5);
  EXPECT_DOUBLE_EQ(sum_read_together(parts).random, 3);
}

TEST(Quantity, a_sum_of_sums_keeps_the_reasons_of_known_parts_each_once) {
  const std::array a{joules(1, 0, 0), Quantity::missing("J", "no idle"),
                     Quantity::missing("J", "gpu1 was away")};
  const std::array b{Quantity::missing("J", "no idle"), joules(2, 0, 0),
                     Quantity::missing("J", "gpu3 was away")};
  const std::array sums{sum_read_together(a), sum_read_together(b)};
  EXPECT_EQ(sum_independent(sums).reason, "no idle; gpu1 was away; gpu3 was away");
}

TEST(Quantity, a_sum_with_an_unknown_part_is_partial_and_says_why) {
  const std::array parts{joules(10, 0, 0), Quantity::missing("J", "no RAPL permission")};
  const Quantity sum = sum_independent(parts);
  EXPECT_DOUBLE_EQ(*sum.value, 10);
  EXPECT_EQ(sum.source, Source::kPartial);
  EXPECT_EQ(sum.reason, "no RAPL permission");
}

TEST(Quantity, a_sum_of_unknowns_is_unknown_not_zero) {
  const std::array parts{Quantity::missing("J", "a"), Quantity::missing("J", "b")};
  EXPECT_FALSE(sum_independent(parts).known());
  EXPECT_EQ(sum_independent(parts).reason, "a; b");
  EXPECT_TRUE(to_json(sum_independent(parts))["value"].is_null());
}

TEST(Quantity, a_sum_says_once_what_several_parts_lack) {
  const std::array parts{Quantity::missing("J", "hidden"), Quantity::missing("J", "hid"),
                         Quantity::missing("J", "hidden")};
  EXPECT_EQ(sum_independent(parts).reason, "hidden; hid");
}

TEST(Quantity, mixed_sources_make_a_partial_sum) {
  const std::array parts{joules(1, 0, 0), joules(1, 0, 0, Source::kEstimated)};
  EXPECT_EQ(sum_independent(parts).source, Source::kPartial);
}

TEST(Quantity, text_shows_two_significant_digits_of_the_uncertainty) {
  EXPECT_EQ(to_text({1.8437, 0.05, 0.03, "Wh", Source::kEstimated, ""}), "1.844 ± 0.058 Wh");
  EXPECT_EQ(to_text({1234.5, 120, 0, "J", Source::kEstimated, ""}), "1234 ± 120 J");
  EXPECT_EQ(to_text({1.8437, 0, 0, "g", Source::kEstimated, ""}), "1.844 g") << "none was stated";
  EXPECT_EQ(to_text({0, 0, 0, "g", Source::kEstimated, ""}), "0 g");
  EXPECT_EQ(to_text(Quantity::missing("J", "no sensor")), "unknown (no sensor)");
  EXPECT_EQ(to_text({-1e-13, 0.02, 0, "Wh", Source::kEstimated, ""}), "0.000 ± 0.020 Wh");
}

TEST(Quantity, scaling_keeps_parts_in_proportion) {
  const Quantity wh = joules(7200, 360, 36).scaled(1 / kJoulesPerWh, "Wh");
  EXPECT_DOUBLE_EQ(*wh.value, 2);
  EXPECT_DOUBLE_EQ(wh.systematic, 0.1);
  EXPECT_EQ(wh.unit, "Wh");
}

}  // namespace
}  // namespace aieb
