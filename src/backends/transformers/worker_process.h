#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/json.h"
#include "core/line_program.h"

namespace aieb {

/// The Python process of the transformers engine. Protocol: docs/transformers_engine.md.
class WorkerProcess {
 public:
  /// Starts it and waits for its greeting. Throws EnvironmentError when there is no such
  /// interpreter, or when it does not speak this protocol.
  WorkerProcess(std::string python,
                const std::map<std::string, std::optional<std::string>>& variables);

  [[nodiscard]] int pid() const { return program_.pid(); }
  [[nodiscard]] const std::string& python() const { return python_; }
  /// Version of an installed package; empty when there is none.
  [[nodiscard]] std::string version_of(const std::string& package) const;
  [[nodiscard]] const Json& packages() const { return packages_; }

  /// Does not say whether it was heard: `receive` notices an end. Thread-safe.
  void send(const Json& command) { program_.write_line(command.dump()); }

  /// The next event within the time. Throws EnvironmentError when the process has ended, with how
  /// and its last words.
  std::optional<Json> receive(double timeout_s);

  /// Ends it now.
  void kill() { program_.finish(0); }

 private:
  void greet();
  [[noreturn]] void report_end();

  std::string python_;
  LineProgram program_;
  Json packages_ = Json::object();
};

}  // namespace aieb
