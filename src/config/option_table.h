#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/option.h"

namespace aieb {

using ConfigOption = Option<BenchmarkConfig>;

/// Every key of a configuration, in the order in which documentation shows them. To add a key, add
/// a row here and a member to config.h: parser, validation, help and docs/config.md follow.
/// Rows `reporter.*` are bound to the first reporter.
std::span<const ConfigOption> option_table();

/// The row of a dotted key; null pointer if there is none.
const ConfigOption* find_option(std::string_view key);

/// Whether some option's key begins with `key` and a dot.
bool is_section(std::string_view key);

/// Other spellings of a key that existing files use.
struct KeyAlias {
  std::string_view spelling;
  std::string_view key;
};
std::span<const KeyAlias> key_aliases();

/// The environment variables that set a key. LOG_LEVEL, CONFIG_FILE and HF_* are read elsewhere.
struct EnvironmentOption {
  std::string_view variable;
  std::string_view key;
  std::string_view description;
};
std::span<const EnvironmentOption> environment_table();

/// The default of an option, as to_json shows it.
Json default_of(const ConfigOption& option);

}  // namespace aieb
