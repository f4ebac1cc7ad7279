#include "reporters/metric_table.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "reporters/sample_results.h"

namespace aieb {
namespace {

using testing::bare_results;
using testing::sample_results;

TEST(MetricTable, names_every_metric_once) {
  std::set<std::string> keys;
  std::set<std::string> columns;
  for (const Metric& metric : metric_table()) {
    for (const Field& f : fields(metric, metric.key, sample_results())) {
      EXPECT_TRUE(keys.insert(f.name).second) << f.name;
    }
    for (const Field& f : fields(metric, metric.csv, sample_results())) {
      EXPECT_TRUE(columns.insert(f.name).second) << f.name;
    }
    EXPECT_FALSE(metric.description.empty()) << metric.key;
    EXPECT_FALSE(metric.label.empty()) << metric.key;
  }
}

TEST(MetricTable, has_the_same_fields_whether_a_value_is_known_or_not) {
  for (const Metric& metric : metric_table()) {
    const auto known = fields(metric, metric.key, sample_results());
    const auto unknown = fields(metric, metric.key, bare_results());
    ASSERT_EQ(known.size(), unknown.size()) << metric.key;
    for (size_t i = 0; i < known.size(); ++i) EXPECT_EQ(known[i].name, unknown[i].name);
  }
}

TEST(MetricTable, never_shows_an_unknown_value_as_a_number) {
  const Results bare = bare_results();
  for (const Metric& metric : metric_table()) {
    const bool unknown =
        metric.kind == MetricKind::kQuantity || metric.kind == MetricKind::kDistribution;
    if (!unknown) continue;
    for (const Field& f : fields(metric, metric.key, bare)) {
      EXPECT_FALSE(f.value.is_number()) << f.name << " = " << f.value;
    }
  }
}

TEST(MetricTable, gives_every_kind_the_value_that_its_getter_returns) {
  Results results = sample_results();
  results.protocol["name"] = "standard";
  for (const char* key : {"energy_per_output_token_j", "energy_per_request_j", "ttft_s", "tpot_s",
                          "e2e_s", "output_tokens_per_s", "throughput_prompts_per_sec"}) {
    results.intervals.emplace_back().key = key;
  }
  for (const Metric& metric : metric_table()) {
    const MetricValue value = metric.get(results);
    const bool matches = (metric.kind == MetricKind::kText && value.index() == 4) ||
                         (metric.kind == MetricKind::kFlag && value.index() == 1) ||
                         (metric.kind == MetricKind::kCount && value.index() == 2) ||
                         (metric.kind == MetricKind::kNumber && value.index() == 3) ||
                         (metric.kind == MetricKind::kQuantity && value.index() == 5) ||
                         (metric.kind == MetricKind::kDistribution && value.index() == 6);
    EXPECT_TRUE(matches) << metric.key;
  }
}

TEST(MetricTable, states_the_unit_of_a_quantity_as_the_getter_returns_it) {
  for (const Metric& metric : metric_table()) {
    const MetricValue value = metric.get(sample_results());
    const auto* q = std::get_if<Quantity>(&value);
    if (!q || metric.unit == "g CO2e") continue;  // of what the grams are is in the name
    if (metric.unit.empty()) continue;            // money: the unit is the currency
    EXPECT_EQ(q->unit, metric.unit) << metric.key;
  }
}

TEST(MetricTable, converts_joules_to_watt_hours) {
  const auto f = fields(metric("total_energy_wh"), "e", sample_results());
  EXPECT_DOUBLE_EQ(f[0].value.get<double>(), 4410 / 3600.0);
  EXPECT_EQ(f[2].value, "partial");
}

TEST(MetricTable, refuses_a_key_that_it_does_not_have) {
  EXPECT_THROW(metric("energy"), std::out_of_range);
}

}  // namespace
}  // namespace aieb
