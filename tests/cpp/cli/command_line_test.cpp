#include "cli/command_line.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"

namespace aieb::cli {
namespace {

Action parse(std::vector<const char*> words) {
  words.insert(words.begin(), "aieb");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

/// The message of the ConfigError that a command line leads to; empty when it is accepted.
std::string refusal(const std::vector<const char*>& words) {
  try {
    parse(words);
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "";
}

std::string help_of(const std::vector<const char*>& words) {
  ::testing::internal::CaptureStdout();
  parse(words)();
  return ::testing::internal::GetCapturedStdout();
}

TEST(CommandLine, lists_every_command_in_its_help) {
  const std::string help = help_of({"--help"});
  for (const Command& command : commands()) {
    EXPECT_NE(help.find(std::string("\n  ") + command.name), std::string::npos) << command.name;
    EXPECT_NE(help.find(command.summary), std::string::npos) << command.name;
  }
}

TEST(CommandLine, explains_every_command) {
  for (const Command& command : commands()) {
    const std::string help = help_of({command.name, "--help"});
    EXPECT_NE(help.find(command.summary), std::string::npos) << help;
    EXPECT_NE(help.find("Usage: aieb " + std::string(command.name) + " "), std::string::npos)
        << help;
  }
}

TEST(CommandLine, suggests_the_command_that_was_meant) {
  EXPECT_NE(refusal({"comparre"}).find("did you mean 'compare'?"), std::string::npos);
  EXPECT_NE(refusal({"frobnicate"}).find("aieb --help"), std::string::npos);
}

TEST(CommandLine, suggests_run_for_a_configuration_without_a_command) {
  EXPECT_NE(refusal({"configs/a.yaml"}).find("aieb run configs/a.yaml"), std::string::npos);
}

TEST(CommandLine, suggests_the_option_that_was_meant) {
  const std::string message = refusal({"run", "--jsn", "x"});
  EXPECT_NE(message.find("unknown option '--jsn' (did you mean '--json'?)"), std::string::npos)
      << message;
  EXPECT_NE(message.find("aieb run --help"), std::string::npos);
}

TEST(CommandLine, wants_the_arguments_that_a_command_needs) {
  EXPECT_NE(refusal({"report"}).find("aieb report --help"), std::string::npos);
  EXPECT_NE(refusal({"compare", "one"}).find("aieb compare --help"), std::string::npos);
}

TEST(CommandLine, shows_help_and_fails_without_a_command) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(parse({})(), ExitCode::kUsage);
  EXPECT_NE(::testing::internal::GetCapturedStdout().find("Usage"), std::string::npos);
}

}  // namespace
}  // namespace aieb::cli
