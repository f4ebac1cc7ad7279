#include "reporters/write.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/log.h"
#include "reporters/sample_results.h"
#include "reporters/temporary_folder.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;
using testing::read_text;
using testing::sample_results;
using testing::TemporaryFolder;
using testing::write_text;

BenchmarkConfig config_in(const TemporaryFolder& folder) {
  BenchmarkConfig config;
  config.reporters = {{"csv", folder / "results/r.csv"}, {"json", folder / "results/r.json"}};
  config.metrics.output_dir = folder / "emissions";
  config.output_dir = folder / "out";
  return config;
}

TEST(WriteReports, puts_every_file_where_the_configuration_says) {
  const TemporaryFolder folder;
  Results results = sample_results();
  results.files = Json::object();
  const Json files = write_reports(results, config_in(folder), folder / "out/runs/t.db");
  const Json expected = {{"csv", folder / "results/r.csv"},
                         {"json", folder / "results/r.json"},
                         {"emissions", folder / "emissions/emissions.csv"},
                         {"emissions_run", folder / "emissions/emissions_20260131T123456Z.csv"},
                         {"debug_info", folder / "out/debug_info.json"},
                         {"trace", folder / "out/runs/t.db"}};
  EXPECT_EQ(files, expected);
  EXPECT_EQ(results.files, expected);
  for (const auto& [label, path] : files.items()) {
    EXPECT_EQ(fs::exists(path.get<std::string>()), label != "trace") << path;
  }
}

TEST(WriteReports, lists_the_files_in_the_reports_themselves) {
  const TemporaryFolder folder;
  Results results = sample_results();
  write_reports(results, config_in(folder), "t.db");
  const Json json = Json::parse(read_text(folder / "results/r.json"));
  EXPECT_EQ(json["files"]["emissions"], folder / "emissions/emissions.csv");
}

TEST(WriteReports, adds_a_row_a_run_and_a_file_a_run) {
  const TemporaryFolder folder;
  Results results = sample_results();
  write_reports(results, config_in(folder), "t.db");
  const Json second = write_reports(results, config_in(folder), "t.db");
  const std::string rows = read_text(folder / "emissions/emissions.csv");
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 3);
  EXPECT_EQ(second["emissions_run"], folder / "emissions/emissions_20260131T123456Z-2.csv");
}

TEST(WriteReports, writes_no_emissions_files_when_metrics_are_disabled) {
  const TemporaryFolder folder;
  BenchmarkConfig config = config_in(folder);
  config.metrics.enabled = false;
  Results results = sample_results();
  write_reports(results, config, "t.db");
  EXPECT_FALSE(fs::exists(folder / "emissions"));
}

TEST(WriteReports, gives_two_reporters_of_one_kind_a_label_each) {
  const TemporaryFolder folder;
  BenchmarkConfig config = config_in(folder);
  config.reporters = {{"csv", folder / "a.csv"}, {"csv", folder / "b.csv"}};
  Results results = sample_results();
  const Json files = write_reports(results, config, "t.db");
  EXPECT_EQ(files["csv"], folder / "a.csv");
  EXPECT_EQ(files["csv_2"], folder / "b.csv");
}

TEST(WriteReports, writes_the_other_files_when_one_fails_and_says_where_the_run_is_kept) {
  const TemporaryFolder folder;
  write_text(folder / "results", "a file where the folder should be");
  Results results = sample_results();
  try {
    write_reports(results, config_in(folder), "runs/t.db");
    FAIL() << "no error";
  } catch (const EnvironmentError& e) {
    const std::string message = e.what();
    EXPECT_NE(message.find("results/r.csv"), std::string::npos);
    EXPECT_NE(message.find("results/r.json"), std::string::npos);
    EXPECT_NE(message.find("aieb report runs/t.db"), std::string::npos);
  }
  EXPECT_TRUE(fs::exists(folder / "emissions/emissions.csv"));
  EXPECT_FALSE(results.files.contains("csv"));
}

TEST(WriteReports, logs_where_a_file_with_other_columns_went) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "results");
  write_text(folder / "results/r.csv", "other,columns\n1,2\n");
  std::string logged;
  log::set_sink([&](log::Level, std::string_view text) { logged += text; });
  Results results = sample_results();
  write_reports(results, config_in(folder), "t.db");
  log::set_sink(nullptr);
  EXPECT_NE(logged.find("r.csv.bak-"), std::string::npos) << logged;
}

TEST(WriteReports, keeps_prompts_and_answers_out_of_the_debug_information) {
  const TemporaryFolder folder;
  Results results = sample_results();
  write_reports(results, config_in(folder), "t.db");
  const std::string info = read_text(folder / "out/debug_info.json");
  EXPECT_EQ(Json::parse(info)["run_id"], results.run_id);
  EXPECT_EQ(info.find("line two"), std::string::npos);
}

TEST(RequireReportsWritable, finds_an_unusable_place_before_the_run) {
  const TemporaryFolder folder;
  BenchmarkConfig config = config_in(folder);
  EXPECT_NO_THROW(require_reports_writable(config));
  write_text(folder / "emissions", "");
  EXPECT_THROW(require_reports_writable(config), EnvironmentError);
}

TEST(RequireReportsWritable, refuses_two_outputs_in_one_file) {
  const TemporaryFolder folder;
  BenchmarkConfig config = config_in(folder);
  config.reporters = {{"html", folder / "r"}, {"json", folder / "x/../r"}};
  EXPECT_THROW(require_reports_writable(config), ConfigError);
  config.reporters = {{"html", "/dev/null"}, {"json", "/dev/null"}};
  EXPECT_NO_THROW(require_reports_writable(config));
  config.reporters = {{"json", folder / "r"}};
  EXPECT_THROW(require_reports_writable(config, {{"--json", folder / "r"}}), ConfigError);
}

TEST(RequireReportsWritable, finds_a_file_that_is_no_database_of_runs) {
  const TemporaryFolder folder;
  BenchmarkConfig config = config_in(folder);
  config.reporters = {{"sqlite", folder / "r.db"}};
  write_report(find_reporter("sqlite"), sample_results(), folder / "r.db");
  EXPECT_NO_THROW(require_reports_writable(config));
  write_text(folder / "r.db", "a diary");
  EXPECT_THROW(require_reports_writable(config), EnvironmentError);
}

TEST(RequireReportsWritable, refuses_an_unknown_reporter) {
  const TemporaryFolder folder;
  BenchmarkConfig config = config_in(folder);
  config.reporters = {{"xls", folder / "x"}};
  EXPECT_THROW(require_reports_writable(config), ConfigError);
}

}  // namespace
}  // namespace aieb
