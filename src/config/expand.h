#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace aieb {

/// Value of an environment variable; absent when it is not set.
using VariableLookup = std::function<std::optional<std::string>(const std::string& name)>;

/// Reads the process's environment.
std::optional<std::string> environment_variable(const std::string& name);

/// Replaces `${NAME}` and `${NAME:-default}` (used when NAME is not set or empty, and itself
/// expanded) in `text`. `$${` stands for a literal `${`.
/// Throws ConfigError, without a place, for a variable that is not set and has no default and for
/// malformed expressions.
std::string expand_variables(std::string_view text, const VariableLookup& lookup);

/// Whether `text` holds anything that expand_variables would change.
bool has_variables(std::string_view text);

}  // namespace aieb
