#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/log.h"

namespace aieb::cli {

/// The level that `--log-level` or else LOG_LEVEL names; absent when neither does.
/// Throws ConfigError for another word than debug, info, warning or error (in any case).
std::optional<log::Level> chosen_log_level(const std::string& option);

/// While it lives, log lines go to a file and, from a threshold on, to `echo`.
class LogFile {
 public:
  struct Options {
    std::string path;
    log::Level level = log::Level::kInfo;          ///< of the file
    log::Level echo_level = log::Level::kWarning;  ///< of `echo`
    std::function<void(log::Level, std::string_view)> echo = {};
  };

  /// Appends. Throws EnvironmentError when the file cannot be opened.
  explicit LogFile(const Options& options);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
};

}  // namespace aieb::cli
