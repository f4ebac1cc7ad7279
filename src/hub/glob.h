#pragma once

#include <string_view>

namespace aieb::hub {

/// Whether a path matches a pattern as in `data_files` of a dataset card: `*` and `?` stay within a
/// folder, `**` crosses folders, `[a-z]` is one character of a set.
bool glob_matches(std::string_view pattern, std::string_view path);

}  // namespace aieb::hub
