#include "cli/run_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "core/error.h"
#include "reporters/results_json.h"
#include "reporters/sample_results.h"
#include "reporters/temporary_folder.h"

namespace aieb::cli {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryFolder;
using testing::write_text;

/// Three recorded runs, by name only.
class RunStoreTest : public ::testing::Test {
 protected:
  RunStoreTest() {
    fs::create_directories(folder_ / "runs");
    for (const char* name : {"20260102T000000Z-b-2.db", "20260101T000000Z-a-1.db",
                             "20260103T000000Z-a-3.db", "20260103T000000Z-a-3.db-wal"}) {
      write_text(path(name), "");
    }
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return folder_ / ("runs/" + name);
  }
  [[nodiscard]] std::string message_for(const std::string& name) const {
    try {
      find_run(name, folder_.path());
    } catch (const ConfigError& e) {
      return e.what();
    }
    return "";
  }

  TemporaryFolder folder_;
};

TEST_F(RunStoreTest, lists_the_traces_oldest_first) {
  const auto runs = recorded_runs(folder_.path());
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs.front(), path("20260101T000000Z-a-1.db"));
}

TEST_F(RunStoreTest, finds_the_newest_and_a_part_of_a_name) {
  EXPECT_EQ(find_run("latest", folder_.path()), path("20260103T000000Z-a-3.db"));
  EXPECT_EQ(find_run("b-2", folder_.path()), path("20260102T000000Z-b-2.db"));
}

TEST_F(RunStoreTest, takes_a_path_as_it_is) {
  const std::string run = path("20260101T000000Z-a-1.db");
  EXPECT_EQ(find_run(run, "elsewhere"), run);
}

TEST_F(RunStoreTest, does_not_guess_between_several) {
  EXPECT_NE(message_for("-a-").find("2 runs match '-a-'"), std::string::npos);
}

TEST_F(RunStoreTest, says_how_to_find_a_name_when_none_matches) {
  EXPECT_NE(message_for("c").find("aieb list"), std::string::npos) << message_for("c");
}

TEST_F(RunStoreTest, says_where_it_looked_when_there_is_nothing) {
  fs::remove_all(folder_ / "runs");
  EXPECT_NE(message_for("latest").find(folder_ / "runs"), std::string::npos);
}

TEST(LoadResults, reads_a_results_document) {
  const TemporaryFolder folder;
  write_text(folder / "r.json", json_report(testing::sample_results()));
  EXPECT_EQ(load_results(folder / "r.json").run_id, testing::sample_results().run_id);
}

TEST(LoadResults, refuses_a_file_that_is_neither) {
  const TemporaryFolder folder;
  write_text(folder / "a", "{ not json");
  write_text(folder / "b", "no database");
  EXPECT_THROW(load_results(folder / "a"), DataError);
  EXPECT_THROW(load_results(folder / "b"), DataError);
}

}  // namespace
}  // namespace aieb::cli
