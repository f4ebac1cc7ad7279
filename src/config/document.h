#pragma once

#include <string>
#include <string_view>

#include "config/expand.h"
#include "config/node.h"
#include "config/problems.h"

namespace aieb {

/// What reading a document needs besides its text.
struct ReadContext {
  const VariableLookup& lookup;  ///< for ${VAR} in values
  Problems& problems;            ///< duplicate keys and undefined variables are collected here
};

/// The file's text. Throws ConfigError if it cannot be read or is larger than 16 MiB.
std::string read_config_text(const std::string& path);

/// Parses `text` as JSON if `place` ends in .json, else as YAML 1.2 (merge keys `<<` included), and
/// expands variables in values. An empty document is null.
/// Throws ConfigError with place and line at the first syntax error.
Node parse_document(std::string_view text, const std::string& place, const ReadContext& context);

/// The two syntaxes. YAML `first_line` shifts line numbers; 0 leaves lines out (one-line texts).
Node parse_yaml(std::string_view text, const Origin& place, const ReadContext& context);
Node parse_json(std::string_view text, const std::string& place, const ReadContext& context);

/// A scalar with its variables expanded. What held a variable is typed after expansion, quoted or
/// not; an expansion that reads as a YAML flow list or mapping becomes one.
Node expanded_scalar(std::string text, bool quoted, const Origin& origin,
                     const ReadContext& context);

}  // namespace aieb
