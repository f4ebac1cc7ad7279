#include "reporters/sqlite.h"

#include <fstream>
#include <memory>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "core/error.h"
#include "reporters/reporter.h"
#include "reporters/sample_results.h"
#include "reporters/temporary_folder.h"
#include "reporters/write.h"

namespace aieb {
namespace {
using testing::bare_results;
using testing::sample_results;
using testing::TemporaryFolder;

/// The first column of the first row; "NULL" for null.
std::string ask(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
  sqlite3_stmt* statement = nullptr;
  std::string out = "no row";
  if (sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    out = sqlite3_errmsg(db);
  } else if (sqlite3_step(statement) == SQLITE_ROW) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    out = text == nullptr ? "NULL" : text;
  }
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return out;
}

std::string written(const TemporaryFolder& folder, const Results& results) {
  const std::string path = folder / "results.db";
  write_report(find_reporter("sqlite"), results, path);
  return path;
}

TEST(Sqlite, has_a_run_its_metrics_and_its_prompts) {
  const TemporaryFolder folder;
  const std::string path = written(folder, sample_results());
  EXPECT_EQ(ask(path, "SELECT model FROM runs"), "HuggingFaceTB/SmolLM2-135M-Instruct");
  EXPECT_EQ(ask(path, "SELECT value FROM metrics WHERE key = 'total_energy_wh'"), "1.225");
  EXPECT_EQ(ask(path, "SELECT unit || ' ' || source FROM metrics WHERE key = 'total_energy_wh'"),
            "Wh partial");
  EXPECT_EQ(ask(path, "SELECT value FROM metrics WHERE key = 'ttft_s_p50'"), "0.045");
  EXPECT_EQ(ask(path, "SELECT count(*) FROM per_prompt"), "3");
  EXPECT_EQ(ask(path, "SELECT error FROM per_prompt WHERE status = 'failed'"),
            "no token within 300 s");
  EXPECT_EQ(ask(path, "SELECT json_extract(config, '$.name') FROM runs"), "sample");
}

TEST(Sqlite, unknown_is_null_and_has_its_reason) {
  const TemporaryFolder folder;
  const std::string path = written(folder, bare_results());
  EXPECT_EQ(ask(path, "SELECT value FROM metrics WHERE key = 'total_energy_wh'"), "NULL");
  EXPECT_EQ(ask(path, "SELECT reason FROM metrics WHERE key = 'total_energy_wh'"),
            "RAPL is readable by root only");
}

TEST(Sqlite, gathers_runs_and_replaces_one_that_is_written_again) {
  const TemporaryFolder folder;
  written(folder, sample_results());
  Results other = sample_results();
  other.run_id = "another";
  written(folder, other);
  other.model = "changed";
  const std::string path = written(folder, other);
  EXPECT_EQ(ask(path, "SELECT count(*) FROM runs"), "2");
  EXPECT_EQ(ask(path, "SELECT count(*) FROM per_prompt"), "6");
  EXPECT_EQ(ask(path, "SELECT model FROM runs WHERE run_id = 'another'"), "changed");
  EXPECT_EQ(ask(path, "PRAGMA integrity_check"), "ok");
}

TEST(Sqlite, leaves_a_file_that_is_something_else_alone) {
  const TemporaryFolder folder;
  const std::string path = folder / "results.db";
  std::ofstream(path) << "a diary, and a long one, which nobody wants to lose";
  EXPECT_THROW(write_report(find_reporter("sqlite"), sample_results(), path), EnvironmentError);
  std::string text;
  std::getline(std::ifstream(path), text);
  EXPECT_EQ(text, "a diary, and a long one, which nobody wants to lose");
}

}  // namespace
}  // namespace aieb
