#include "carbon/electricity_maps.h"

#include <cstdlib>

#include <gmock/gmock.h>

#include "core/clock.h"
#include "core/error.h"

namespace aieb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kHour_ns = 3'600'000'000'000;

MetricsConfig live(const std::string& country, const std::string& region = "",
                   const std::string& zone = "") {
  MetricsConfig config;
  config.carbon_intensity_live = "electricity_maps";
  config.country_iso_code = country;
  config.region = region;
  config.location_given = !country.empty();
  config.carbon_intensity_zone = zone;
  config.electricity_maps.token = "s3cret";
  return config;
}

std::string error_of(const MetricsConfig& config) {
  try {
    live_query(config);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ElectricityMaps, asks_for_the_zone_of_the_place) {
  EXPECT_EQ(live_query(live("FRA")).url,
            "https://api.electricitymaps.com/v3/carbon-intensity/latest?zone=FR");
  EXPECT_EQ(live_query(live("CAN", "quebec")).zone, "CA-QC");
  EXPECT_EQ(live_query(live("SWE", "SE3")).zone, "SE-SE3");
  EXPECT_EQ(live_query(live("USA", "california", "US-CAL-CISO")).zone, "US-CAL-CISO");
  EXPECT_THAT(live_query(live("FRA", "", "48.86,2.35")).url, HasSubstr("?lat=48.86&lon=2.35"));
  EXPECT_THAT(live_query(live("", "", "a b&c")).url, HasSubstr("?zone=a%20b%26c"));
}

TEST(ElectricityMaps, a_place_without_a_zone_is_an_error) {
  EXPECT_THAT(error_of(live("USA", "california")),
              AllOf(HasSubstr("'california'"), HasSubstr("metrics.carbon_intensity_zone")));
  EXPECT_THAT(error_of(live("")), HasSubstr("no place is named"));
  EXPECT_THAT(error_of(live("FRA", "", "91,2")), HasSubstr("latitude,longitude"));
}

TEST(ElectricityMaps, a_token_is_needed_and_does_not_travel_in_the_clear) {
  unsetenv("ELECTRICITYMAPS_API_TOKEN");
  MetricsConfig config = live("FRA");
  config.electricity_maps.url = "http://example.org";
  EXPECT_THAT(error_of(config), AllOf(HasSubstr("unencrypted"), Not(HasSubstr("s3cret"))));
  config.electricity_maps.url = "http://127.0.0.1:80/base";
  EXPECT_EQ(live_query(config).url, "http://127.0.0.1:80/base/v3/carbon-intensity/latest?zone=FR");
  config.electricity_maps.token.clear();
  EXPECT_THAT(error_of(config), HasSubstr("ELECTRICITYMAPS_API_TOKEN"));
}

TEST(ElectricityMaps, reads_an_answer_of_the_documented_form) {
  const LiveIntensity live = parse_live(
      R"({"zone":"FR","carbonIntensity":56,"datetime":"2026-01-31T13:00:00.000Z",
          "updatedAt":"2026-01-31T12:51:12.002Z","createdAt":"2026-01-28T13:54:58.420Z",
          "emissionFactorType":"lifecycle","isEstimated":true,
          "estimationMethod":"TIME_SLICER_AVERAGE"})");
  EXPECT_DOUBLE_EQ(live.g_per_kwh, 56);
  EXPECT_EQ(iso_utc(live.from_ns), "2026-01-31T13:00:00Z");
  EXPECT_TRUE(live.estimated);
  EXPECT_EQ(live.basis, "lifecycle");
  for (const char* bad : {"", "[]", "<html>", "{}", R"({"carbonIntensity": null})",
                          R"({"carbonIntensity": -1, "datetime": "2026-01-31T13:00:00Z"})",
                          R"({"carbonIntensity": 1, "datetime": "today"})"}) {
    EXPECT_THROW(parse_live(bad), EnvironmentError) << bad;
  }
}

TEST(ElectricityMaps, the_hours_between_two_answers_go_evenly_from_one_to_the_other) {
  LiveIntensity first;
  first.g_per_kwh = 400;
  first.from_ns = 1000 * kHour_ns;
  LiveIntensity last = first;
  last.g_per_kwh = 800;
  last.from_ns += 4 * kHour_ns;
  const int64_t begin = first.from_ns + kHour_ns / 2;
  const int64_t end = last.from_ns + kHour_ns / 2;
  const CarbonSeries series = between(first, last, {}, begin, end);
  ASSERT_EQ(series.intervals.size(), 5U);
  for (size_t k = 0; k < 5; ++k) {
    EXPECT_DOUBLE_EQ(series.intervals[k].g_per_kwh, 400 + 100.0 * static_cast<double>(k));
    if (k > 0) {
      EXPECT_EQ(series.intervals[k].from_ns, series.intervals[k - 1].to_ns);
    }
  }
  EXPECT_GT(series.intervals[2].uncertainty_g_per_kwh, series.intervals[4].uncertainty_g_per_kwh);
  CarbonFactor factor;
  factor.series = series;
  EXPECT_EQ(uncovered(factor, begin, end), "");
}

TEST(ElectricityMaps, values_of_quarters_of_an_hour_leave_no_gap) {
  LiveIntensity first;
  first.g_per_kwh = 100;
  first.from_ns = 1000 * kHour_ns;
  for (const int64_t minutes : {15, 75, 95, 130}) {
    LiveIntensity last = first;
    last.from_ns += minutes * kHour_ns / 60;
    CarbonFactor factor;
    factor.series = between(first, last, {}, first.from_ns, last.from_ns + kHour_ns);
    EXPECT_EQ(uncovered(factor, first.from_ns, last.from_ns + kHour_ns), "") << minutes;
  }
}

}  // namespace
}  // namespace aieb
