#pragma once

#include <string>
#include <vector>

#include "config/parser.h"

namespace aieb::cli {

/// What the command line says about the configuration.
struct ConfigArguments {
  std::string path = {};  ///< empty: CONFIG_FILE, else the default
  std::vector<std::string> overrides = {};
  bool strict = false;
};

/// Sorts the words of a command line into the one file and `key=value` overrides.
/// Throws ConfigError for a second file.
ConfigArguments sort_arguments(const std::vector<std::string>& words);

struct ConfigChoice {
  LoadedConfig loaded;
  std::string path;    ///< the file that was read; empty: none, plain defaults
  std::string notice;  ///< one line to show when another file was taken than asked for

  [[nodiscard]] std::string title() const;  ///< `path`, or words for its absence
};

/// Loads the file that the argument or CONFIG_FILE names. Without either: gpt_oss_120b.yaml, unless
/// it names a server that nobody spoke of and nothing listens there; then quickstart.yaml. Where
/// these files are not (an installed binary), the defaults stand in for the former; the latter's
/// place is a ConfigError. Throws ConfigError for what is wrong in a file or setting.
ConfigChoice choose_config(const ConfigArguments& arguments);

}  // namespace aieb::cli
