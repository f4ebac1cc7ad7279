#include "reporters/results_json.h"

#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "core/error.h"
#include "reporters/approvals.h"
#include "reporters/metric_table.h"
#include "reporters/sample_results.h"

namespace aieb {
namespace {

using testing::bare_results;
using testing::expect_approved;
using testing::sample_results;

std::string documentation() {
  std::ifstream in(std::string(AIEB_SOURCE_DIR) + "/docs/results.md");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Keys in the first column of the tables under `## heading`.
std::set<std::string> documented_keys(const std::string& heading) {
  std::istringstream in(documentation());
  std::set<std::string> keys;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("## ")) inside = line == "## " + heading;
    if (!inside || !line.starts_with("| `")) continue;
    keys.insert(line.substr(3, line.find('`', 3) - 3));
  }
  return keys;
}

std::set<std::string> keys_of(const Json& object) {
  std::set<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.insert(key);
  return keys;
}

const char* kind_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::kText:
      return "text";
    case MetricKind::kFlag:
      return "true or false";
    case MetricKind::kCount:
      return "count";
    case MetricKind::kNumber:
      return "number";
    case MetricKind::kQuantity:
      return "quantity";
    case MetricKind::kDistribution:
      return "distribution";
  }
  return "";
}

TEST(ResultsJson, is_as_approved) { expect_approved("report.json", json_report(sample_results())); }

TEST(ResultsJson, writes_unknown_values_as_null) {
  expect_approved("report_bare.json", json_report(bare_results()));
}

TEST(ResultsJson, has_the_keys_that_the_documentation_lists) {
  const Json json = results_to_json(sample_results());
  EXPECT_EQ(keys_of(json), documented_keys("Top level"));
  EXPECT_EQ(keys_of(json["energy"]), documented_keys("energy"));
  EXPECT_EQ(keys_of(json["energy"]["gpu"]), documented_keys("Quantity"));
  EXPECT_EQ(keys_of(json["energy_by_phase"]["measure"]), documented_keys("energy_by_phase"));
  EXPECT_EQ(keys_of(json["derived"]), documented_keys("derived"));
  EXPECT_EQ(keys_of(json["goodput"]), documented_keys("goodput"));
  EXPECT_EQ(keys_of(json["steady_state"]), documented_keys("steady_state"));
  EXPECT_EQ(keys_of(json["per_prompt_results"][0]), documented_keys("per_prompt_results"));
  EXPECT_EQ(keys_of(json["gpu_stats"]["gpu_0"]), documented_keys("gpu_stats"));
  EXPECT_EQ(keys_of(json["activity"]["measure"]), documented_keys("activity"));
}

TEST(ResultsJson, an_intensity_without_a_stated_uncertainty_has_none_and_not_0) {
  Results results = sample_results();
  results.carbon->uncertainty_g_per_kwh = 0;
  const Json summary = Json::parse(json_report(results))["summary"];
  EXPECT_TRUE(summary["carbon_intensity_uncertainty_g_per_kwh"].is_null());
  EXPECT_FALSE(summary["carbon_intensity_g_per_kwh"].is_null());
}

TEST(ResultsJson, documents_every_metric_as_the_table_has_it) {
  std::string rows;
  std::set<std::string> keys;
  for (const Metric& m : metric_table()) {
    keys.insert(std::string(m.key));
    rows += "| `" + std::string(m.key) + "` | " + kind_name(m.kind) + " | " +
            (m.unit.empty() ? "" : std::string(m.unit) + " ") + "| " + std::string(m.description) +
            (m.csv == m.key ? "" : "; CSV column `" + std::string(m.csv) + "`") + " |\n";
  }
  EXPECT_EQ(documented_keys("summary"), keys);
  EXPECT_NE(documentation().find(rows), std::string::npos)
      << "the table under '## summary' in docs/results.md should read\n"
      << rows;
}

TEST(ResultsJson, documents_the_statistics_of_a_distribution) {
  std::set<std::string> keys = documented_keys("Distribution");
  EXPECT_EQ(keys_of(results_to_json(sample_results())["summary"]["ttft_s"]), keys);
}

TEST(ResultsJson, has_the_keys_of_the_reference_as_numbers) {
  const Json summary = results_to_json(sample_results())["summary"];
  for (const char* key :
       {"total_prompts", "successful_prompts", "failed_prompts", "total_energy_wh",
        "total_emissions_g_co2eq", "avg_latency_s", "throughput_prompts_per_sec"}) {
    EXPECT_TRUE(summary[key].is_number()) << key;
  }
}

TEST(ResultsJson, reads_back_what_it_wrote) {
  for (const Results& results : {sample_results(), bare_results()}) {
    const Json written = results_to_json(results);
    const Json again = results_to_json(results_from_json(Json::parse(written.dump())));
    EXPECT_EQ(Json::diff(written, again), Json::array()) << Json::diff(written, again).dump(1);
  }
}

TEST(ResultsJson, keeps_both_parts_of_an_uncertainty_when_read_back) {
  const Results again = results_from_json(results_to_json(sample_results()));
  EXPECT_DOUBLE_EQ(again.measure.total.gross.systematic, 186.2);
  EXPECT_DOUBLE_EQ(again.energy_per_output_token.random, 0.1);
}

TEST(ResultsJson, repairs_text_that_is_not_utf8) {
  Results results = sample_results();
  results.requests[0].record.text = "cut \xC3";
  EXPECT_EQ(Json::parse(json_report(results))["per_prompt_results"][0]["text"], "cut \xEF\xBF\xBD");
}

TEST(ResultsJson, refuses_a_document_that_is_not_one) {
  for (const char* text : {"[]", "{}", R"({"schema_version": 99})", R"({"schema_version": "1"})",
                           R"({"schema_version": 1, "summary": {}})"}) {
    EXPECT_THROW(results_from_json(Json::parse(text)), DataError) << text;
  }
}

}  // namespace
}  // namespace aieb
