#pragma once

#include <stdexcept>
#include <string>

namespace aieb {

/// Exit codes of the command line; docs/exit_codes.md lists them for users.
enum class ExitCode : int {
  kOk = 0,
  kSomePromptsFailed = 1,
  kUsage = 2,
  kEnvironment = 3,
  kModelOrData = 4,
  kServer = 5,
  kCircuitBreaker = 6,
  kInternal = 70,
  kInterrupted = 130,
};

/// What ends a run. The message says what happened, where, and what to do about it.
/// One subclass per remedy; `main` is the only place that catches them.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ExitCode exit_code() const { return code_; }

 private:
  ExitCode code_;
};

/// The user changes the configuration or the command line.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(ExitCode::kUsage, message) {}
};

/// The user changes the machine: installs, permits, frees space.
class EnvironmentError : public Error {
 public:
  explicit EnvironmentError(const std::string& message) : Error(ExitCode::kEnvironment, message) {}
};

/// The user chooses or repairs the model's files.
class ModelError : public Error {
 public:
  explicit ModelError(const std::string& message) : Error(ExitCode::kModelOrData, message) {}
};

/// The user chooses or repairs the prompts.
class DataError : public Error {
 public:
  explicit DataError(const std::string& message) : Error(ExitCode::kModelOrData, message) {}
};

/// The user looks at the server.
class ServerError : public Error {
 public:
  explicit ServerError(const std::string& message) : Error(ExitCode::kServer, message) {}
};

/// The user stopped it while it was being prepared: nothing was measured yet. A trace that was
/// begun before the load stays, without requests.
class Stopped : public Error {
 public:
  Stopped() : Error(ExitCode::kInterrupted, "stopped before anything was measured") {}
};

}  // namespace aieb
