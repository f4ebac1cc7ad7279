#include "cli/log_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>

#include "core/error.h"
#include "reporters/file_output.h"

namespace aieb::cli {
namespace {

struct LevelName {
  std::string_view name;
  log::Level level;
  spdlog::level::level_enum spdlog_level;
};

constexpr std::array kLevels = {
    LevelName{"debug", log::Level::kDebug, spdlog::level::debug},
    LevelName{"info", log::Level::kInfo, spdlog::level::info},
    LevelName{"warning", log::Level::kWarning, spdlog::level::warn},
    LevelName{"error", log::Level::kError, spdlog::level::err},
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

std::optional<log::Level> chosen_log_level(const std::string& option) {
  const char* variable = std::getenv("LOG_LEVEL");
  const std::string word = !option.empty() ? option : variable ? variable : "";
  if (word.empty()) return std::nullopt;
  const auto found = std::ranges::find(kLevels, lower(word), &LevelName::name);
  if (found != kLevels.end()) return found->level;
  throw ConfigError(std::string(option.empty() ? "LOG_LEVEL" : "--log-level") + " is '" + word +
                    "'; known are debug, info, warning and error.");
}

LogFile::LogFile(const Options& options) {
  require_writable(options.path);
  std::shared_ptr<spdlog::logger> logger;
  try {
    logger = std::make_shared<spdlog::logger>(
        "aieb", std::make_shared<spdlog::sinks::basic_file_sink_st>(options.path));
  } catch (const spdlog::spdlog_ex& e) {
    throw EnvironmentError("cannot open the log file " + options.path + ": " + e.what() +
                           ". Choose another folder: output_dir=DIR");
  }
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %-7l %v");
  logger->set_level(spdlog::level::debug);
  logger->flush_on(spdlog::level::debug);
  log::set_level(std::min(options.level, options.echo_level));
  log::set_sink([logger, options](log::Level level, std::string_view text) {
    if (level >= options.level) {
      logger->log(kLevels.at(static_cast<size_t>(level)).spdlog_level, text);
    }
    if (level >= options.echo_level && options.echo) options.echo(level, text);
  });
}

LogFile::~LogFile() {
  log::set_sink(nullptr);
  log::set_level(log::Level::kInfo);
}

}  // namespace aieb::cli
