#pragma once

#include <string>
#include <string_view>

#include "config/expand.h"
#include "config/node.h"
#include "config/problems.h"

namespace aieb {

/// Lays `over` on `base`: sections merge key by key, options are replaced as a whole. `path` is
/// the dotted key of both, empty for documents.
void overlay(Node& base, Node over, const std::string& path = "");

/// Sets one dotted key, e.g. "scenario.generate_kwargs.max_new_tokens". Below an option that is a
/// mapping, only the named member changes (of the default, if the document gives none). In a list,
/// a number is an index; without one the first item is meant. False if a list has no such item.
bool set_key(Node& document, std::string_view key, Node value);

/// The value at a dotted key; null pointer if there is none.
Node* find_key(Node& document, std::string_view key);

/// Moves values from other spellings (key_aliases) to the keys of the table.
void resolve_aliases(Node& document, Problems& problems);

/// Applies the environment variables of environment_table that are set and not empty.
void overlay_environment(Node& document, const VariableLookup& lookup, Problems& problems);

/// Applies one `key=value`. Throws ConfigError if it has no '=' or its value is not YAML.
void overlay_override(Node& document, const std::string& text, const VariableLookup& lookup,
                      Problems& problems);

}  // namespace aieb
