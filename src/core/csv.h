#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aieb {

/// Rows of a comma-separated text (RFC 4180: quoted fields may hold commas, quotes and line ends).
/// Empty lines are skipped; fields are kept as they are, without trimming.
std::vector<std::vector<std::string>> parse_csv(std::string_view text);

}  // namespace aieb
