#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/results.h"

namespace aieb {

/// How the bytes of a report reach a file that exists already.
enum class WriteMode {
  kReplace,        ///< the file holds one run
  kAppendRows,     ///< one header line, then rows of many runs
  kAddToDatabase,  ///< a SQLite database of many runs
};

/// A second file that tools expect beside the first.
struct Companion {
  std::string_view file_name;
  std::string (*serialize)(const Results&);
};

/// A report format: bytes from results, without I/O. Writing is done in write.cpp alone.
struct Reporter {
  std::string_view name;       ///< of `reporter.type` and `--format`
  std::string_view extension;  ///< with the dot
  WriteMode mode;
  std::string_view description;
  std::string (*serialize)(const Results&);
  std::optional<Companion> companion = std::nullopt;
};

std::span<const Reporter> reporters();

/// Throws ConfigError that lists the known names.
const Reporter& find_reporter(std::string_view name);

}  // namespace aieb
