#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace aieb {

struct ProgramResult {
  int exit_code = 0;  ///< 128 + the signal's number when a signal ended it
  std::string out;
  std::string err;
};

/// Runs a program, found in PATH, to its end: `input` goes to its standard input, which is then
/// closed; its output is kept. Throws EnvironmentError when it cannot be started.
ProgramResult run_program(const std::vector<std::string>& command, const std::string& input);

/// How a program ended: by `signal`, or (signal 0) with `exit_code`.
struct ProgramEnd {
  int exit_code = 0;
  int signal = 0;
};

/// The executable that `name` means: itself if it has a '/', else the first in PATH. `error` (of
/// errno) where there is none: ENOENT, or EACCES when it may not be executed.
struct ProgramLookup {
  std::string path;
  int error = 0;
};
ProgramLookup find_program(const std::string& name);

/// A program that takes this one's place in front of the user: it has its standard streams, and
/// signals that arrive here (INT, TERM, HUP, QUIT, USR1, USR2) reach it. Those of the terminal's
/// keys reach both by themselves and are not sent twice.
///
/// While it lives the signals are blocked in the thread that made it and in threads begun later:
/// make it before other threads. The program gets the signal mask from before.
class ForegroundProgram {
 public:
  ForegroundProgram();
  ~ForegroundProgram();
  ForegroundProgram(const ForegroundProgram&) = delete;
  ForegroundProgram& operator=(const ForegroundProgram&) = delete;

  /// Before `start`: sleeps; the signal that arrived before the time was over, if one did.
  [[nodiscard]] std::optional<int> pause(double duration_s) const;

  /// Throws EnvironmentError when it cannot be started.
  void start(const std::vector<std::string>& command);

  /// Forwards signals until the program ends or `timeout_s` is over; absent: it still runs.
  std::optional<ProgramEnd> wait(double timeout_s);

 private:
  sigset_t signals_{};
  sigset_t before_{};
  pid_t pid_ = 0;
};

/// Ends this process by the signal, as if it had hit here (without a core dump of its own), so that
/// a caller sees what happened to the program. Does not return for signals that end a process.
void end_by_signal(int signal);

}  // namespace aieb
