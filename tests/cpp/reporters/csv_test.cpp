#include "reporters/csv.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "reporters/approvals.h"
#include "reporters/csv_format.h"
#include "reporters/jsonl.h"
#include "reporters/markdown.h"
#include "reporters/reporter.h"
#include "reporters/sample_results.h"

namespace aieb {
namespace {

using testing::bare_results;
using testing::expect_approved;
using testing::sample_results;

std::string header_of(const std::string& table) { return table.substr(0, table.find('\n')); }

TEST(Csv, begins_with_the_columns_of_the_reference_in_its_order) {
  const std::string reference =
      "timestamp,name,backend,model,total_prompts,successful_prompts,failed_prompts,energy_wh,"
      "emissions_g_co2eq,avg_latency_s,throughput_prompts_per_sec,"
      "gpu_stats_gpu_0_utilization_percent,gpu_stats_gpu_0_memory_used_mb,";
  EXPECT_TRUE(csv_report(sample_results()).starts_with(reference));
}

TEST(Csv, has_no_gpu_columns_without_a_gpu) {
  EXPECT_EQ(header_of(csv_report(bare_results())).find("gpu_stats"), std::string::npos);
}

TEST(Csv, is_as_approved) { expect_approved("report.csv", csv_report(sample_results())); }

TEST(Csv, leaves_unknown_values_empty) {
  expect_approved("report_bare.csv", csv_report(bare_results()));
}

TEST(Csv, quotes_cells_with_commas_quotes_and_line_breaks) {
  EXPECT_EQ(csv_cell("plain"), "plain");
  EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_cell("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv_cell("two\nlines"), "\"two\nlines\"");
}

TEST(Csv, writes_numbers_that_read_back_equal) {
  EXPECT_EQ(std::stod(csv_cell(0.1 + 0.2)), 0.1 + 0.2);
  EXPECT_EQ(csv_cell(12), "12");
  EXPECT_EQ(csv_cell(true), "true");
}

TEST(Csv, writes_what_is_not_a_number_as_an_empty_cell) {
  EXPECT_EQ(csv_cell(std::numeric_limits<double>::quiet_NaN()), "");
  EXPECT_EQ(csv_cell(nullptr), "");
}

TEST(Markdown, is_as_approved) {
  expect_approved("report.md", markdown_report(sample_results()));
  expect_approved("report_bare.md", markdown_report(bare_results()));
}

TEST(Jsonl, writes_one_line_a_prompt) {
  expect_approved("report.jsonl", jsonl_report(sample_results()));
}

TEST(Registry, finds_every_reporter_by_its_name) {
  for (const Reporter& r : reporters()) EXPECT_EQ(&find_reporter(r.name), &r);
}

TEST(Registry, names_the_known_formats_when_asked_for_another) {
  try {
    find_reporter("xls");
    FAIL() << "no error";
  } catch (const std::exception& e) {
    EXPECT_STREQ(
        e.what(),
        "unknown report format 'xls' (known: csv, json, jsonl, html, markdown, codecarbon, "
        "sqlite, boamps, ml_energy, ai_energy_score)");
  }
}

}  // namespace
}  // namespace aieb
