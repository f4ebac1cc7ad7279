#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aieb {

/// Backends for which there is a starter configuration.
std::vector<std::string> starter_backends();

/// A YAML configuration for `backend` to begin with, made from the option table: what it sets runs
/// as it is, every other key that this backend heeds stands beside it as `#key: default`, each with
/// what it means. Throws ConfigError for an unknown backend.
std::string starter_config(std::string_view backend);

}  // namespace aieb
