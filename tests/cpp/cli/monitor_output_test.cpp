#include "cli/monitor_output.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "core/csv.h"

namespace aieb::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Quantity quantity(double value, const char* unit, Source source) {
  Quantity q;
  q.value = value;
  q.systematic = value / 10;
  q.unit = unit;
  q.source = source;
  return q;
}

/// A GPU with a name that needs quoting everywhere, and dram that is missing.
MonitorSnapshot sample() {
  MonitorSnapshot s;
  s.reading.elapsed_s = 10;
  s.reading.window_s = 1;
  s.reading.devices = {{"gpu", 0, "nvml/a \"b\", c\\d",
                        quantity(3600, "J", Source::kMeasuredCounter),
                        quantity(400, "W", Source::kMeasuredCounter)}};
  s.reading.total = {"total", std::nullopt, "", quantity(3600, "J", Source::kPartial),
                     quantity(400, "W", Source::kPartial)};
  s.reading.missing = {{"dram", "no permission,\nsee doctor"}};
  s.carbon.g_per_kwh = 100;
  s.carbon.country_iso_code = "FRA";
  s.carbon.assumed = true;
  return s;
}

TEST(MonitorCsv, every_row_has_every_column_and_unknown_is_empty_beside_its_reason) {
  const auto rows = parse_csv(monitor_csv_header() + monitor_csv_rows(sample()));
  ASSERT_EQ(rows.size(), 4U);
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  const auto column = [&](const char* name) {
    return static_cast<size_t>(std::ranges::find(rows[0], name) - rows[0].begin());
  };
  EXPECT_EQ(rows[1][column("sensor")], "nvml/a \"b\", c\\d");
  EXPECT_EQ(rows[1][column("energy_j")], "3600.0");
  EXPECT_EQ(rows[2][column("component")], "dram");
  EXPECT_EQ(rows[2][column("energy_j")], "");
  EXPECT_EQ(rows[2][column("power_w")], "");
  EXPECT_EQ(rows[2][column("reason")], "no permission,\nsee doctor");
  EXPECT_EQ(rows[3][column("component")], "total");
}

TEST(MonitorJson, unknown_is_null_with_its_reason) {
  const Json json = monitor_json(sample(), true);
  EXPECT_TRUE(json["final"]);
  EXPECT_EQ(json["devices"][1]["component"], "dram");
  EXPECT_TRUE(json["devices"][1]["energy"]["value"].is_null());
  EXPECT_NEAR(json["emissions"]["value"].get<double>(), 0.1, 1e-9);
}

TEST(MonitorPrometheus, quotes_labels_and_has_no_sample_for_what_is_unknown) {
  const std::string text = monitor_prometheus(sample());
  EXPECT_THAT(text, HasSubstr("aieb_energy_joules_total{component=\"gpu\",index=\"0\","
                              "sensor=\"nvml/a \\\"b\\\", c\\\\d\",source=\"measured-counter\"} "
                              "3600\n"));
  EXPECT_THAT(text, Not(HasSubstr("component=\"dram\",index")));
  EXPECT_THAT(text, HasSubstr("aieb_component_missing_info{component=\"dram\","
                              "reason=\"no permission,\\nsee doctor\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("assumed=\"true\""));
}

TEST(MonitorTable, shows_uncertainty_source_and_that_the_place_is_assumed) {
  const std::string text = monitor_table(sample(), true);
  EXPECT_THAT(text, HasSubstr("360 ± 36 W"));  // 3600 J in 10 s
  EXPECT_THAT(text, HasSubstr("1.00 ± 0.10 Wh"));
  EXPECT_THAT(text, HasSubstr("dram"));
  EXPECT_THAT(text, HasSubstr("unknown"));
  EXPECT_THAT(text, HasSubstr("FRA, assumed"));
  EXPECT_THAT(monitor_table(sample(), false), HasSubstr("400 ± 40 W"));
}

TEST(MonitorLine, is_one_line_without_escapes) {
  const std::string text = monitor_line(sample());
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("dram unknown"));
}

}  // namespace
}  // namespace aieb::cli
