#include "cli/log_file.h"

#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/error.h"
#include "reporters/temporary_folder.h"

namespace aieb::cli {
namespace {

using testing::read_text;
using testing::TemporaryFolder;
using testing::write_text;

TEST(LogLevel, comes_from_the_option_before_the_variable) {
  setenv("LOG_LEVEL", "ERROR", 1);
  EXPECT_EQ(chosen_log_level("debug"), log::Level::kDebug);
  EXPECT_EQ(chosen_log_level(""), log::Level::kError);
  unsetenv("LOG_LEVEL");
  EXPECT_EQ(chosen_log_level(""), std::nullopt);
}

TEST(LogLevel, refuses_a_word_that_it_does_not_know) {
  EXPECT_THROW(chosen_log_level("loud"), ConfigError);
}

TEST(LogFile, makes_its_folder_and_appends) {
  const TemporaryFolder folder;
  for (const char* line : {"first", "second"}) {
    const LogFile file({.path = folder / "out/benchmark.log"});
    log::info(line);
  }
  const std::string text = read_text(folder / "out/benchmark.log");
  EXPECT_NE(text.find("info    first\n"), std::string::npos) << text;
  EXPECT_NE(text.find("info    second\n"), std::string::npos) << text;
}

TEST(LogFile, holds_what_its_level_lets_through_and_echoes_what_the_other_does) {
  const TemporaryFolder folder;
  std::string echoed;
  {
    const LogFile file({.path = folder / "l",
                        .level = log::Level::kInfo,
                        .echo_level = log::Level::kWarning,
                        .echo = [&](log::Level, std::string_view text) { echoed += text; }});
    log::debug("D");
    log::info("I");
    log::warning("W");
  }
  log::warning("after the end");
  const std::string text = read_text(folder / "l");
  EXPECT_EQ(text.find("D\n"), std::string::npos);
  EXPECT_NE(text.find("I\n"), std::string::npos);
  EXPECT_NE(text.find("W\n"), std::string::npos);
  EXPECT_EQ(text.find("after"), std::string::npos);
  EXPECT_EQ(echoed, "W");
}

TEST(LogFile, may_echo_more_than_it_holds) {
  const TemporaryFolder folder;
  std::string echoed;
  const LogFile file({.path = folder / "l",
                      .level = log::Level::kError,
                      .echo_level = log::Level::kDebug,
                      .echo = [&](log::Level, std::string_view text) { echoed += text; }});
  log::debug("D");
  EXPECT_EQ(echoed, "D");
  EXPECT_EQ(read_text(folder / "l"), "");
}

TEST(LogFile, says_when_its_place_is_taken) {
  const TemporaryFolder folder;
  write_text(folder / "file", "");
  EXPECT_THROW(LogFile({.path = folder / "file/benchmark.log"}), EnvironmentError);
}

}  // namespace
}  // namespace aieb::cli
