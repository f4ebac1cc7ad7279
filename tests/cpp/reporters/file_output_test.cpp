#include "reporters/file_output.h"

#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"
#include "reporters/temporary_folder.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;
using testing::count_entries;
using testing::read_text;
using testing::TemporaryFolder;
using testing::write_text;

constexpr const char* kTable = "a,b\n1,2\n";

/// The message of the EnvironmentError that `action` throws; empty when it throws none.
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const EnvironmentError& e) {
    return e.what();
  }
  return "";
}

TEST(WriteFile, makes_the_folders_that_are_missing) {
  const TemporaryFolder folder;
  write_file(folder / "x/y/z.txt", "text");
  EXPECT_EQ(read_text(folder / "x/y/z.txt"), "text");
}

TEST(WriteFile, replaces_a_file_and_leaves_nothing_else_behind) {
  const TemporaryFolder folder;
  write_file(folder / "f", "a long old text");
  write_file(folder / "f", "new");
  EXPECT_EQ(read_text(folder / "f"), "new");
  EXPECT_EQ(count_entries(folder.path()), 1U);
}

TEST(WriteFile, writes_through_a_symbolic_link) {
  const TemporaryFolder folder;
  write_text(folder / "target", "old");
  fs::create_symlink("target", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_text(folder / "target"), "new");
}

TEST(WriteFile, writes_into_a_device) { write_file("/dev/null", "text"); }

TEST(WriteFile, names_the_path_and_the_remedy_when_a_file_stands_in_the_way) {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  const std::string message = message_of([&] { write_file(folder / "file/report.json", "x"); });
  EXPECT_NE(message.find(folder / "file/report.json"), std::string::npos) << message;
  EXPECT_NE(message.find("A file stands where a folder is needed"), std::string::npos) << message;
}

TEST(WriteFile, says_when_the_path_is_a_folder) {
  const TemporaryFolder folder;
  const std::string message = message_of([&] { write_file(folder.path(), "x"); });
  EXPECT_NE(message.find("name a file"), std::string::npos) << message;
}

/// Runs `action` in a child process whose files may not grow beyond `limit` bytes; a write past it
/// fails as on a full disk (EFBIG). Returns whether the action threw an EnvironmentError.
bool fails_with_file_limit(rlim_t limit, const std::function<void()>& action) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{limit, limit};
    setrlimit(RLIMIT_FSIZE, &small);
    _exit(message_of(action).empty() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

TEST(WriteFile, keeps_the_old_file_when_the_new_one_does_not_fit) {
  const TemporaryFolder folder;
  write_text(folder / "f", "old");
  EXPECT_TRUE(
      fails_with_file_limit(100, [&] { write_file(folder / "f", std::string(1000, 'x')); }));
  EXPECT_EQ(read_text(folder / "f"), "old");
  EXPECT_EQ(count_entries(folder.path()), 1U);
}

TEST(AppendRows, begins_a_file_with_the_header) {
  const TemporaryFolder folder;
  EXPECT_EQ(append_rows(folder / "d/t.csv", kTable), std::nullopt);
  EXPECT_EQ(read_text(folder / "d/t.csv"), kTable);
}

TEST(AppendRows, adds_the_row_alone_to_a_file_with_the_same_header) {
  const TemporaryFolder folder;
  append_rows(folder / "t.csv", kTable);
  EXPECT_EQ(append_rows(folder / "t.csv", "a,b\n3,4\n"), std::nullopt);
  EXPECT_EQ(read_text(folder / "t.csv"), "a,b\n1,2\n3,4\n");
}

TEST(AppendRows, keeps_a_file_with_another_header_and_begins_a_new_one) {
  const TemporaryFolder folder;
  write_text(folder / "t.csv", "a,b,c\n7,8,9\n");
  const auto backup = append_rows(folder / "t.csv", kTable);
  ASSERT_TRUE(backup);
  EXPECT_TRUE(backup->starts_with(folder / "t.csv.bak-")) << *backup;
  EXPECT_EQ(read_text(*backup), "a,b,c\n7,8,9\n");
  EXPECT_EQ(read_text(folder / "t.csv"), kTable);
}

TEST(AppendRows, keeps_both_files_when_two_are_moved_aside_within_a_second) {
  const TemporaryFolder folder;
  write_text(folder / "t.csv", "x\n1\n");
  const auto first = append_rows(folder / "t.csv", kTable);
  const auto second = append_rows(folder / "t.csv", "y\n2\n");
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  EXPECT_EQ(read_text(*first), "x\n1\n");
  EXPECT_EQ(read_text(*second), kTable);
}

TEST(AppendRows, takes_a_header_that_only_starts_alike_for_another) {
  const TemporaryFolder folder;
  write_text(folder / "t.csv", "a,bc\n1,2\n");
  EXPECT_TRUE(append_rows(folder / "t.csv", kTable));
}

TEST(AppendRows, appends_to_a_file_with_windows_line_ends) {
  const TemporaryFolder folder;
  write_text(folder / "t.csv", "a,b\r\n1,2\r\n");
  EXPECT_EQ(append_rows(folder / "t.csv", kTable), std::nullopt);
  EXPECT_EQ(read_text(folder / "t.csv"), "a,b\r\n1,2\r\n1,2\n");
}

TEST(AppendRows, begins_a_new_line_after_a_row_that_was_cut_off) {
  const TemporaryFolder folder;
  write_text(folder / "t.csv", "a,b\n1,");
  append_rows(folder / "t.csv", kTable);
  EXPECT_EQ(read_text(folder / "t.csv"), "a,b\n1,\n1,2\n");
}

TEST(AppendRows, treats_an_empty_file_as_new) {
  const TemporaryFolder folder;
  write_text(folder / "t.csv", "");
  EXPECT_EQ(append_rows(folder / "t.csv", kTable), std::nullopt);
  EXPECT_EQ(read_text(folder / "t.csv"), kTable);
}

TEST(AppendRows, takes_back_a_row_that_did_not_fit) {
  const TemporaryFolder folder;
  append_rows(folder / "t.csv", kTable);
  const std::string wide = "a,b\n" + std::string(5000, '1') + ",2\n";
  EXPECT_TRUE(fails_with_file_limit(2000, [&] { append_rows(folder / "t.csv", wide); }));
  EXPECT_EQ(read_text(folder / "t.csv"), kTable);
}

TEST(AppendRows, loses_no_row_of_writers_at_the_same_time) {
  const TemporaryFolder folder;
  constexpr int kWriters = 8;
  constexpr int kRows = 25;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&folder, w] {
      for (int i = 0; i < kRows; ++i) {
        append_rows(folder / "t.csv",
                    "writer\n" + std::string(300, static_cast<char>('a' + w)) + "\n");
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  std::istringstream lines(read_text(folder / "t.csv"));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "writer");
  int rows = 0;
  for (; std::getline(lines, line); ++rows) EXPECT_EQ(line, std::string(300, line[0]));
  EXPECT_EQ(rows, kWriters * kRows);
}

TEST(AppendRows, keeps_the_rows_of_both_when_writers_disagree_on_the_header) {
  const TemporaryFolder folder;
  constexpr int kRows = 20;
  const auto write_as = [&folder](const std::string& header) {
    for (int i = 0; i < kRows; ++i) append_rows(folder / "t.csv", header + "\nrow\n");
  };
  std::thread other(write_as, "second");
  write_as("first");
  other.join();
  int rows = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    std::istringstream lines(read_text(entry.path().string()));
    for (std::string line; std::getline(lines, line);) rows += line == "row" ? 1 : 0;
  }
  EXPECT_EQ(rows, 2 * kRows);
}

TEST(RequireWritable, accepts_a_path_whose_folders_do_not_exist_yet_and_makes_none) {
  const TemporaryFolder folder;
  require_writable(folder / "x/y/z.csv");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  require_writable("relative.csv");
  fs::current_path(before);
  EXPECT_EQ(count_entries(folder.path()), 0U);
}

TEST(RequireWritable, refuses_a_path_below_a_file) {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  EXPECT_THROW(require_writable(folder / "file/x/report.csv"), EnvironmentError);
  EXPECT_THROW(require_writable(folder.path()), EnvironmentError);
}

TEST(RequireWritable, refuses_a_folder_without_permission) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const std::string message = message_of([&] { require_writable(folder / "r.csv"); });
  fs::permissions(folder.path(), fs::perms::owner_all);
  EXPECT_NE(message.find("chmod u+w " + folder.path()), std::string::npos) << message;
}

}  // namespace
}  // namespace aieb
