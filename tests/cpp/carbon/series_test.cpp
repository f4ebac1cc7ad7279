#include "carbon/series.h"

#include <cmath>
#include <random>
#include <string>

#include <gmock/gmock.h>

#include "carbon/carbon.h"
#include "carbon/embodied.h"
#include "carbon/timestamp.h"
#include "core/clock.h"
#include "core/error.h"

namespace aieb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int64_t kHour_ns = 3'600'000'000'000;
/// 2026-01-31T13:00:00Z, by another's calendar (date -u -d … +%s).
constexpr int64_t kNoon_ns = 1'769'864'400'000'000'000;

template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

SeriesFile read(const std::string& text, const std::string& zone = "") {
  return parse_carbon_series(text, {"grid.csv", zone, std::nullopt});
}

TEST(Timestamp, reads_what_grids_data_are_written_with) {
  for (const char* text :
       {"2026-01-31T13:00:00Z", "2026-01-31 13:00:00+00:00", "2026-01-31T14:00+01:00",
        "2026-01-31T08:30:00.000-0430", "2026-01-31T13:00:00.000Z", "1769864400", "1769864400.0",
        "2026-01-31 13:00:00 UTC", "2026-01-31T15:00:00+02"}) {
    const auto time = parse_timestamp(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(time->wall_ns, kNoon_ns) << text;
    EXPECT_TRUE(time->has_zone) << text;
  }
  EXPECT_FALSE(parse_timestamp("2026-01-31 13:00:00")->has_zone);
}

TEST(Timestamp, refuses_what_is_none) {
  for (const char* text :
       {"", "13:00", "2026-01-31", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
        "31/01/2026 13:00", "2026-01-31T25:00:00Z", "1769864400000", "12", "2026-01-31T13:00:00X",
        "now", "2026-01-31T13:00:00Zulu", "-1769864400", "nan"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

TEST(Timestamp, goes_there_and_back_for_any_second) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 1000; ++i) {
    const int64_t s = std::uniform_int_distribution<int64_t>(200'000'000, 4'000'000'000)(random);
    EXPECT_EQ(parse_timestamp(iso_utc(s * 1'000'000'000))->wall_ns, s * 1'000'000'000);
  }
}

TEST(Series, reads_electricity_maps_exports_of_both_times_and_prefers_the_life_cycle) {
  const char* now =
      "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),"
      "Carbon intensity gCO₂eq/kWh (Life cycle),Carbon-free energy percentage (CFE%),"
      "Renewable energy percentage (RE%),Data source,Data estimated,Data estimation method\n"
      "2026-01-31 13:00:00,Sweden,Sweden,SE,2.54,30.02,99.42,60.13,svk.se,true,FORECAST\n"
      "2026-01-31 14:00:00,Sweden,Sweden,SE,2.60,31.00,99.40,60.00,svk.se,false,\n";
  const SeriesFile file = read(now);
  ASSERT_EQ(file.series.intervals.size(), 2U);
  EXPECT_EQ(file.series.intervals[0].from_ns, kNoon_ns);
  EXPECT_EQ(file.series.intervals[1].to_ns, kNoon_ns + 2 * kHour_ns);
  EXPECT_DOUBLE_EQ(file.series.intervals[0].g_per_kwh, 30.02);
  EXPECT_EQ(file.basis, "lifecycle");
  EXPECT_EQ(file.zone, "SE");
  EXPECT_EQ(file.estimated, 1);
  const SeriesFile before = read(
      "\xEF\xBB\xBF"
      "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
      "Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage\n"
      "2026-01-31 13:00:00,France,France,FR,20,56,95\n");
  EXPECT_DOUBLE_EQ(before.series.intervals.at(0).g_per_kwh, 56);
}

TEST(Series, reads_watttime_s_pounds_per_megawatt_hour_as_marginal) {
  const SeriesFile file = read(
      "timestamp,MOER\n2026-01-31 13:00:00+00:00,1000\n"
      "2026-01-31 13:05:00+00:00,900\n");
  EXPECT_NEAR(file.series.intervals.at(0).g_per_kwh, 453.592, 1e-3);
  EXPECT_EQ(file.series.intervals.at(1).to_ns - kNoon_ns, kHour_ns / 6);
  EXPECT_EQ(file.basis, "marginal");
}

TEST(Series, a_value_holds_until_the_next_and_not_over_a_gap) {
  const SeriesFile file = read(
      "timestamp,g_per_kwh,other\n"
      "2026-01-31T16:00Z,40,x\n"
      "2026-01-31T13:00Z,10,x\n"
      "2026-01-31T14:00Z,20,x\n"
      "2026-01-31T15:00Z,,x\n"
      "1769878800,50,x\n");  // 17:00
  const auto& intervals = file.series.intervals;
  ASSERT_EQ(intervals.size(), 4U);
  EXPECT_EQ(intervals[1].to_ns, kNoon_ns + 2 * kHour_ns);
  EXPECT_EQ(intervals[2].from_ns, kNoon_ns + 3 * kHour_ns);
  EXPECT_EQ(file.without_value, 1);
  CarbonFactor factor;
  factor.series = file.series;
  EXPECT_EQ(uncovered(factor, kNoon_ns, kNoon_ns + 2 * kHour_ns), "");
  EXPECT_EQ(uncovered(factor, kNoon_ns + 4 * kHour_ns, kNoon_ns + 5 * kHour_ns), "");
  EXPECT_THAT(uncovered(factor, kNoon_ns, kNoon_ns + 4 * kHour_ns),
              HasSubstr("nothing of 2026-01-31T15:00:00Z"));
  EXPECT_THAT(uncovered(factor, kNoon_ns - 2 * kHour_ns, kNoon_ns),
              AllOf(HasSubstr("2026-01-31T13:00:00Z to 2026-01-31T18:00:00Z"),
                    HasSubstr("2026-01-31T11:00:00Z to 2026-01-31T13:00:00Z")));
  EXPECT_NE(uncovered(factor, kNoon_ns + 6 * kHour_ns, kNoon_ns + 6 * kHour_ns), "");
  EXPECT_NE(uncovered(factor, kNoon_ns - kHour_ns, kNoon_ns - kHour_ns), "");
  EXPECT_EQ(uncovered(factor, kNoon_ns, kNoon_ns), "");
}

TEST(Series, mistakes_name_the_row_and_what_is_known) {
  const auto wrong = [](const std::string& text) { return error_of([&] { read(text); }); };
  EXPECT_THAT(wrong("when,how much\n1,2\n"),
              AllOf(HasSubstr("grid.csv"), HasSubstr("'when'"), HasSubstr("'timestamp'")));
  EXPECT_THAT(wrong("timestamp,CO2\n1,2\n"),
              AllOf(HasSubstr("'co2'"), HasSubstr("'g per kwh'"), HasSubstr("'moer'")));
  EXPECT_THAT(wrong("timestamp,g_per_kwh\n2026-01-31 13:00:00,50\n"),
              AllOf(HasSubstr("row 2"), HasSubstr("no time zone")));
  EXPECT_THAT(wrong("timestamp,g_per_kwh\n1769864400,-3\n"), HasSubstr("'-3'"));
  EXPECT_THAT(wrong("timestamp,g_per_kwh\n1769864400,5 g\n"), HasSubstr("'5 g'"));
  EXPECT_THAT(wrong("timestamp,g_per_kwh\nyesterday,5\n"), HasSubstr("'yesterday'"));
  EXPECT_THAT(wrong("timestamp,g_per_kwh\n1769864400,5\n1769864400,6\n"),
              AllOf(HasSubstr("row 3"), HasSubstr("row 2")));
  EXPECT_THAT(wrong("timestamp,g_per_kwh\n1769864400,\n"), HasSubstr("no row with a value"));
  EXPECT_THAT(wrong(""), HasSubstr("is empty"));
  EXPECT_THAT(error_of([] { read_carbon_series("/nowhere/grid.csv", {}); }),
              HasSubstr("/nowhere/grid.csv"));
}

TEST(Series, several_zones_need_a_name) {
  const std::string text =
      "timestamp,zone,g_per_kwh\n1769864400,FR,50\n1769864400,DE,400\n1769868000,DE,500\n";
  EXPECT_THAT(error_of([&] { read(text); }),
              AllOf(HasSubstr("DE, FR"), HasSubstr("metrics.carbon_intensity_zone")));
  EXPECT_THAT(error_of([&] { read(text, "PL"); }), HasSubstr("'PL'"));
  EXPECT_EQ(read(text, "de").series.rows, 2);
  EXPECT_DOUBLE_EQ(read(text, "FR").series.intervals.at(0).g_per_kwh, 50);
}

TEST(Series, uncertainty_is_the_file_s_own_else_derived_else_as_told) {
  EXPECT_DOUBLE_EQ(hourly_uncertainty_g_per_kwh(400, false), 100);
  EXPECT_DOUBLE_EQ(hourly_uncertainty_g_per_kwh(400, true), 200);
  EXPECT_DOUBLE_EQ(hourly_uncertainty_g_per_kwh(40, false), 25);
  const std::string text =
      "timestamp,g_per_kwh,is_estimated,uncertainty_g_per_kwh\n"
      "1769864400,400,false,7\n1769868000,400,true,\n1769871600,400,false,\n";
  const auto intervals = read(text).series.intervals;
  EXPECT_DOUBLE_EQ(intervals.at(0).uncertainty_g_per_kwh, 7);
  EXPECT_DOUBLE_EQ(intervals.at(1).uncertainty_g_per_kwh, 200);
  EXPECT_DOUBLE_EQ(intervals.at(2).uncertainty_g_per_kwh, 100);
  const auto told = parse_carbon_series(text, {"grid.csv", "", 10}).series.intervals;
  EXPECT_DOUBLE_EQ(told.at(0).uncertainty_g_per_kwh, 40);
}

TEST(Series, a_factor_survives_its_trip_through_the_trace) {
  CarbonFactor factor;
  factor.series = read("timestamp,g_per_kwh\n1769864400,400\n1769868000,500\n").series;
  factor.unknown = "not measured";
  factor.basis = "direct";
  factor.pue_uncertainty = 0.1;
  factor.embodied = {{"gpu", std::nullopt, 4.5, 30, "a study"},
                     {"server", 2, 1, std::nullopt, "b"}};
  EXPECT_EQ(to_json(carbon_factor_from(to_json(factor))), to_json(factor));
}

TEST(Series, only_one_way_of_giving_the_intensity_is_taken) {
  MetricsConfig config;
  config.carbon_intensity_series = "a.csv";
  config.carbon_intensity_g_per_kwh = 5;
  EXPECT_THAT(error_of([&] { resolve_carbon(config); }),
              AllOf(HasSubstr("carbon_intensity_series"), HasSubstr("exclude each other")));
}

TEST(Embodied, a_footprint_over_a_life_is_a_rate) {
  const auto items = embodied_items(Json::parse(
      R"([{"component": "gpu", "total_kg": 164, "lifetime_years": 4, "source": "a vendor"},
          {"component": "server", "devices": 1, "g_per_hour": 20, "uncertainty_percent": 30,
           "source": "a study"}])"));
  ASSERT_EQ(items.size(), 2U);
  EXPECT_NEAR(items[0].g_per_hour, 164000 / (4 * 365.25 * 24), 1e-9);
  EXPECT_FALSE(items[0].devices);
  EXPECT_DOUBLE_EQ(*items[1].uncertainty_percent, 30);
}

TEST(Embodied, mistakes_name_the_entry) {
  const auto wrong = [](const char* text) {
    return error_of([&] { embodied_items(Json::parse(text)); });
  };
  EXPECT_THAT(wrong(R"([{"component": "gpu", "g_per_hour": 1}])"),
              HasSubstr("metrics.embodied[0].source is missing"));
  EXPECT_THAT(wrong(R"([{"component": "gpu", "source": "x"}])"), HasSubstr("g_per_hour"));
  EXPECT_THAT(wrong(R"([{"component": "cpu", "source": "x", "g_per_hour": 1}])"),
              HasSubstr("devices is missing"));
  EXPECT_THAT(wrong(R"([{"component": "gpu", "source": "x", "g_per_hour": 1, "total_kg": 2}])"),
              HasSubstr("keep one"));
  EXPECT_THAT(wrong(R"([{"component": "gpu", "source": "x", "g_per_hours": 1}])"),
              HasSubstr("did you mean 'g_per_hour'"));
  EXPECT_THAT(wrong(R"([{"component": "gpu", "source": "x", "total_kg": 1, "lifetime_years": 0}])"),
              HasSubstr("lifetime_years must be a number above 0"));
  EXPECT_THAT(wrong(R"({"component": "gpu"})"), HasSubstr("must be a list"));
}

}  // namespace
}  // namespace aieb
