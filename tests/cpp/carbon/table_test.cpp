#include "carbon/table.h"

#include <cmath>
#include <set>

#include <gmock/gmock.h>

namespace aieb {
namespace {

TEST(CarbonTable, every_row_says_where_and_when_it_comes_from) {
  EXPECT_EQ(carbon_table().size(), 213 + 105 + 40);
  std::set<std::string> keys;
  for (const CarbonRow& row : carbon_table()) {
    const std::string key = row.country_iso3 + "/" + row.region;
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_EQ(row.country_iso3.size(), 3) << key;
    EXPECT_EQ(row.country_iso2.size(), 2) << key;
    EXPECT_FALSE(row.country_name.empty()) << key;
    EXPECT_FALSE(row.source.empty()) << key;
    EXPECT_FALSE(row.licence.empty()) << key;
    EXPECT_TRUE(row.year >= 2009 && row.year <= 2025) << key;
    EXPECT_TRUE(row.g_per_kwh >= 0 && row.g_per_kwh < 1500) << key;
  }
}

TEST(CarbonTable, every_row_is_found_by_its_own_names) {
  for (const CarbonRow& row : carbon_table()) {
    if (row.kind == CarbonRow::Kind::kCountry) {
      for (const std::string& name : {row.country_iso3, row.country_iso2, row.country_name}) {
        EXPECT_EQ(find_country(name), &row) << name;
      }
      continue;
    }
    std::vector<std::string> names = row.aliases;
    names.push_back(row.region);
    for (const std::string& name : names) {
      EXPECT_THAT(find_regions(name), ::testing::Contains(&row)) << name;
    }
  }
}

TEST(CarbonTable, names_are_compared_without_case_separators_and_accents) {
  EXPECT_EQ(comparable_name("  New__York "), "new york");
  EXPECT_EQ(comparable_name("QUÉBEC"), "quebec");
  EXPECT_EQ(comparable_name("Côte d'Ivoire"), "cote d'ivoire");
  EXPECT_EQ(comparable_name(""), "");
}

/// Google publishes figures of its own for the grids of countries that the other table has as well.
/// The stated uncertainty has to cover the distance between two such sources about 95 % of the
/// time.
TEST(CarbonTable, the_stated_uncertainty_covers_what_another_source_says) {
  const std::set<std::string> split_up{"USA", "CAN", "CHN"};
  int compared = 0;
  int covered = 0;
  for (const CarbonRow& row : carbon_table()) {
    if (row.kind != CarbonRow::Kind::kCloudRegion || split_up.count(row.country_iso3) != 0)
      continue;
    const CarbonRow& country = *find_country(row.country_iso3);
    const double distance = std::abs(row.g_per_kwh - country.g_per_kwh);
    ++compared;
    covered += distance <= carbon_uncertainty_g_per_kwh(country) ? 1 : 0;
  }
  ASSERT_GE(compared, 25);
  EXPECT_GE(covered, std::lround(0.93 * compared)) << "of " << compared;
}

TEST(CarbonTable, a_country_with_very_different_regions_is_less_certain_than_one_of_them) {
  const CarbonRow& usa = *find_country("USA");
  const CarbonRow& texas = *find_regions("texas").at(0);
  EXPECT_GT(carbon_uncertainty_g_per_kwh(usa) / usa.g_per_kwh,
            1.5 * carbon_uncertainty_g_per_kwh(texas) / texas.g_per_kwh);
}

TEST(CarbonTable, no_intensity_is_certain_even_where_the_table_says_zero) {
  EXPECT_EQ(find_country("CAF")->g_per_kwh, 0);
  EXPECT_GE(carbon_uncertainty_g_per_kwh(*find_country("CAF")), 25);
}

}  // namespace
}  // namespace aieb
