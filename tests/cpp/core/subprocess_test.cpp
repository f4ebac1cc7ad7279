#include "core/subprocess.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace aieb
