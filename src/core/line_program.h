#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/pipes.h"
#include "core/subprocess.h"

namespace aieb {

/// A program that one talks to in lines while it runs, over its standard input and output.
///
/// It is in a process group of its own, so keys of the terminal do not reach it, and gets no
/// blocked signals. When this process ends in whatever way, it reads the end of its input.
class LineProgram {
 public:
  /// Found in PATH. `variables` replace those of this process; an absent value removes one. Throws
  /// EnvironmentError.
  LineProgram(const std::vector<std::string>& command,
              const std::map<std::string, std::optional<std::string>>& variables);

  /// Closes its input, waits a little for it to end, then kills it.
  ~LineProgram();
  LineProgram(const LineProgram&) = delete;
  LineProgram& operator=(const LineProgram&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Sends a line, waiting while the program is behind; false when it does not read any more.
  /// Thread-safe.
  bool write_line(const std::string& text);

  enum class Read { kLine, kNothingYet, kEnd };
  /// The next line of its output (without the line break), waiting at most so long. Keeps reading
  /// its errors meanwhile.
  Read read_line(std::string& line, double timeout_s);

  /// How it ended; kills it when it has not within `patience_s`. Its input is closed first.
  ProgramEnd finish(double patience_s);

  /// The last lines that it wrote to its standard error.
  [[nodiscard]] std::string last_errors() const;

 private:
  void keep_errors();
  bool take_line(std::string& line);

  Descriptor in_;
  Descriptor out_;
  Descriptor err_;
  std::mutex write_mutex_;  ///< guards in_
  std::string buffer_;      ///< output that is not a whole line yet, or not asked for
  size_t searched_ = 0;     ///< how much of buffer_ holds no line break
  std::string errors_;
  pid_t pid_ = 0;
  std::optional<ProgramEnd> end_;
};

/// "ended with exit code 3", "was killed by signal 9 (Killed)".
std::string describe(const ProgramEnd& end);

}  // namespace aieb
