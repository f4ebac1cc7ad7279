#pragma once

#include <string>
#include <vector>

namespace aieb {

struct ProgramResult {
  int exit_code = 0;  ///< 128 + the signal's number when a signal ended it
  std::string out;
  std::string err;
};

/// Runs a program, found in PATH, to its end: `input` goes to its standard input, which is then
/// closed; its output is kept. Throws EnvironmentError when it cannot be started.
ProgramResult run_program(const std::vector<std::string>& command, const std::string& input);

}  // namespace aieb
