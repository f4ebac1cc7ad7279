#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/json.h"

namespace aieb {

struct LoadOptions {
  std::string path = {};                    ///< YAML or JSON file; empty: plain defaults
  std::vector<std::string> overrides = {};  ///< `dotted.key=value`, the value read as YAML;
                                            ///< "a: b" is text where no mapping may stand
  bool apply_environment = true;            ///< NUM_SAMPLES and the other variables of the table
  bool strict = false;                      ///< every unknown key is an error
};

struct LoadedConfig {
  BenchmarkConfig config;
  std::vector<std::string> warnings;
};

/// Reads a configuration. Precedence: file (with its `defaults:` fragments) < environment
/// variables < overrides. Throws ConfigError: the first syntax error, or all schema errors, a line
/// each, with file and line.
LoadedConfig load_config(const LoadOptions& options);

/// The same for text that is already read; `options.path` names it and places its fragments.
LoadedConfig parse_config(std::string_view text, const LoadOptions& options);

/// The resolved configuration with every key of the table, nested as in a file. It is itself a
/// valid configuration file.
Json to_json(const BenchmarkConfig& config);

/// to_json without secrets, for traces, logs and reports: the values of headers, tokens and the
/// user part of the endpoint's URL are hidden.
Json to_public_json(const BenchmarkConfig& config);

/// Inverse of to_json; keys that this version does not know are left out.
/// Throws ConfigError for values that do not fit.
BenchmarkConfig config_from_json(const Json& json);

}  // namespace aieb
