#include "core/subprocess.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"

namespace aieb {
namespace {

TEST(Subprocess, more_than_a_pipe_holds_goes_in_and_comes_back) {
  const std::string text(3'000'000, 'x');
  const ProgramResult result = run_program({"cat"}, text);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, text);
}

TEST(Subprocess, keeps_both_outputs_and_the_exit_code) {
  const ProgramResult result = run_program({"sh", "-c", "echo out; echo err >&2; exit 7"}, "");
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.exit_code, 7);
}

TEST(Subprocess, a_program_that_does_not_read_ends_nothing_here) {
  EXPECT_EQ(run_program({"true"}, std::string(1'000'000, 'x')).exit_code, 0);
}

TEST(Subprocess, a_signal_counts_from_128) {
  EXPECT_EQ(run_program({"sh", "-c", "kill -TERM $$"}, "").exit_code, 128 + 15);
}

TEST(Subprocess, a_program_that_is_not_there_is_an_error_that_names_it) {
  try {
    run_program({"no-such-program-here"}, "");
    FAIL();
  } catch (const EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("no-such-program-here"), std::string::npos);
  }
}

/// The program's end; fails the test when it takes longer than 20 s.
ProgramEnd end_of(ForegroundProgram& program) {
  const std::optional<ProgramEnd> end = program.wait(20);
  EXPECT_TRUE(end.has_value());
  return end.value_or(ProgramEnd{-1, -1});
}

TEST(ForegroundProgram, ends_with_its_code_or_its_signal) {
  ForegroundProgram program;
  program.start({"sh", "-c", "exit 7"});
  EXPECT_EQ(end_of(program).exit_code, 7);
  program.start({"sh", "-c", "kill -KILL $$"});
  EXPECT_EQ(end_of(program).signal, SIGKILL);
}

TEST(ForegroundProgram, waiting_has_an_end_while_the_program_runs) {
  ForegroundProgram program;
  program.start({"sleep", "20"});
  EXPECT_FALSE(program.wait(0.05).has_value());
  EXPECT_FALSE(program.wait(0).has_value());
  kill(getpid(), SIGTERM);  // ends the program, not this test
  EXPECT_EQ(end_of(program).signal, SIGTERM);
}

TEST(ForegroundProgram, the_program_does_not_inherit_the_blocked_signals) {
  ForegroundProgram program;
  program.start({"sh", "-c", "grep -q '^SigBlk:.*0000$' /proc/self/status"});
  EXPECT_EQ(end_of(program).exit_code, 0);
}

TEST(ForegroundProgram, a_pause_ends_early_with_the_signal_that_came) {
  const ForegroundProgram program;
  EXPECT_FALSE(program.pause(0.01).has_value());
  kill(getpid(), SIGINT);
  EXPECT_EQ(program.pause(20), SIGINT);
}

TEST(FindProgram, looks_where_the_shell_would) {
  EXPECT_EQ(find_program("sh").error, 0);
  EXPECT_EQ(find_program("/bin/sh").path, "/bin/sh");
  EXPECT_EQ(find_program("no-such-program-here").error, ENOENT);
  EXPECT_EQ(find_program("/etc/passwd").error, EACCES);
  EXPECT_EQ(find_program("/etc").error, EACCES);
}

}  // namespace
}  // namespace aieb
