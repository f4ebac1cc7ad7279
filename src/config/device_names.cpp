#include "config/device_names.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace aieb {
namespace {

bool is_short_number(std::string_view text) {
  return !text.empty() && text.size() < 4 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

bool is_numbered_device(const std::string& text) {
  return text.starts_with("cuda:") && is_short_number(std::string_view(text).substr(5));
}

bool is_device(const std::string& text) {
  return is_short_number(text) || text == "cuda" || text == "cpu" || is_numbered_device(text);
}

}  // namespace aieb
