#include "carbon/carbon.h"

#include <cmath>

#include <gmock/gmock.h>

#include "core/error.h"

namespace aieb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

MetricsConfig place(const std::string& country, const std::string& region = "") {
  MetricsConfig config;
  config.country_iso_code = country;
  config.region = region;
  config.location_given = true;
  return config;
}

std::string error_of(const MetricsConfig& config) {
  try {
    resolve_carbon(config);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Carbon, a_country_has_its_average_with_year_source_and_licence) {
  const CarbonFactor france = resolve_carbon(place("FRA"));
  EXPECT_NEAR(france.g_per_kwh, 56.039, 1e-3);
  EXPECT_EQ(france.country_name, "France");
  EXPECT_GE(france.year, 2022);
  EXPECT_FALSE(france.source.empty());
  EXPECT_FALSE(france.licence.empty());
  EXPECT_FALSE(france.assumed);
}

TEST(Carbon, without_any_place_the_default_is_marked_as_assumed) {
  const CarbonFactor factor = resolve_carbon(MetricsConfig{});
  EXPECT_EQ(factor.country_iso_code, "USA");
  EXPECT_NEAR(factor.g_per_kwh, 369.473, 1e-3);
  EXPECT_TRUE(factor.assumed);
}

TEST(Carbon, countries_go_by_code_or_name_in_any_case) {
  for (const char* name : {"DEU", "deu", "DE", "Germany", "germany"}) {
    EXPECT_EQ(resolve_carbon(place(name)).country_iso_code, "DEU") << name;
  }
}

TEST(Carbon, regions_of_the_documentation_are_known) {
  EXPECT_EQ(resolve_carbon(place("USA", "california")).region, "california");
  EXPECT_EQ(resolve_carbon(place("USA", "texas")).region, "texas");
  for (const char* name : {"new_york", "new york", "New-York", "US-NY"}) {
    EXPECT_EQ(resolve_carbon(place("USA", name)).region, "new york") << name;
  }
  EXPECT_EQ(resolve_carbon(place("CAN", "Québec")).region, "quebec");
  EXPECT_EQ(resolve_carbon(place("SWE", "se3")).region, "SE3");
}

TEST(Carbon, a_cloud_region_brings_its_country_along) {
  for (const char* name : {"europe-west4", "gcp:europe-west4", "europe_west4"}) {
    const CarbonFactor factor = resolve_carbon(place("USA", name));
    EXPECT_EQ(factor.country_iso_code, "NLD") << name;
    EXPECT_DOUBLE_EQ(factor.g_per_kwh, 236) << name;
  }
}

TEST(Carbon, a_stated_intensity_comes_before_any_table) {
  MetricsConfig config = place("FRA");
  config.carbon_intensity_g_per_kwh = 12.5;
  const CarbonFactor factor = resolve_carbon(config);
  EXPECT_DOUBLE_EQ(factor.g_per_kwh, 12.5);
  EXPECT_EQ(factor.uncertainty_g_per_kwh, 0);
  EXPECT_EQ(factor.country_iso_code, "FRA");
  EXPECT_THAT(factor.source, HasSubstr("configuration"));
}

TEST(Carbon, a_stated_intensity_needs_no_place_and_assumes_none) {
  MetricsConfig config;
  config.carbon_intensity_g_per_kwh = 400;
  const CarbonFactor factor = resolve_carbon(config);
  EXPECT_FALSE(factor.assumed);
  EXPECT_EQ(factor.country_iso_code, "");
}

TEST(Carbon, unknown_places_name_the_nearest_ones) {
  EXPECT_THAT(error_of(place("Frnace")), HasSubstr("did you mean 'France'"));
  EXPECT_THAT(error_of(place("UAS")), AllOf(HasSubstr("'UAS'"), HasSubstr("ISO 3166-1")));
  EXPECT_THAT(error_of(place("USA", "californa")), HasSubstr("did you mean 'california'"));
  EXPECT_THAT(error_of(place("USA", "virgina")), HasSubstr("'virginia'"));
  EXPECT_THAT(error_of(place("CAN", "carolina")), Not(HasSubstr("north carolina")));
  EXPECT_THAT(error_of(place("SWE", "malmo")), HasSubstr("known: 'SE1', 'SE2', 'SE3', 'SE4'"));
  EXPECT_THAT(
      error_of(place("MLT", "valletta")),
      AllOf(HasSubstr("no regions of Malta"), HasSubstr("metrics.carbon_intensity_g_per_kwh")));
  EXPECT_THAT(error_of(place("", "")), HasSubstr("metrics.country_iso_code"));
}

TEST(Carbon, a_region_of_another_country_says_which) {
  EXPECT_THAT(error_of(place("USA", "quebec")), HasSubstr("set country_iso_code: CAN"));
  EXPECT_THAT(error_of(place("DEU", "europe-west4")), HasSubstr("set country_iso_code: NLD"));
}

TEST(Carbon, pue_and_wue_are_carried_and_checked) {
  MetricsConfig config = place("FRA");
  config.pue = 1.2;
  config.wue_l_per_kwh = 1.8;
  EXPECT_DOUBLE_EQ(resolve_carbon(config).pue, 1.2);
  EXPECT_DOUBLE_EQ(resolve_carbon(config).wue_l_per_kwh, 1.8);
  config.pue = 0.9;
  EXPECT_THAT(error_of(config), HasSubstr("metrics.pue"));
  config.pue = 1;
  config.wue_l_per_kwh = -1;
  EXPECT_THAT(error_of(config), HasSubstr("metrics.wue_l_per_kwh"));
  config.wue_l_per_kwh = 0;
  config.carbon_intensity_g_per_kwh = std::nan("");
  EXPECT_THAT(error_of(config), HasSubstr("metrics.carbon_intensity_g_per_kwh"));
}

}  // namespace
}  // namespace aieb
