#include "http/headers.h"

#include <algorithm>

#include <strings.h>

namespace aieb::http {

bool has_header(const std::vector<std::string>& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [&](const std::string& line) {
    return line.size() > name.size() && (line[name.size()] == ':' || line[name.size()] == ';') &&
           strncasecmp(line.data(), name.data(), name.size()) == 0;
  });
}

}  // namespace aieb::http
