#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace aieb::http {

/// Whether a list of "Name: value" has a header of this name, whatever its case.
bool has_header(const std::vector<std::string>& headers, std::string_view name);

}  // namespace aieb::http
