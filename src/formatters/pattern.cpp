#include "formatters/pattern.h"

#include <algorithm>
#include <cctype>

namespace aieb {
namespace {

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

/// Greedy matching with one point to return to: linear in practice, no recursion.
bool glob_matches(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;
  size_t after_star = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = n;
    } else if (p < pattern.size() && same_letter(pattern[p], name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

int pattern_fit(std::string_view pattern, std::string_view name) {
  const auto stars = std::count(pattern.begin(), pattern.end(), '*');
  const bool fits = stars > 0 ? glob_matches(pattern, name)
                              : std::search(name.begin(), name.end(), pattern.begin(),
                                            pattern.end(), same_letter) != name.end();
  if (!fits || pattern.empty()) return -1;
  return static_cast<int>(pattern.size()) - static_cast<int>(stars);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), same_letter);
}

}  // namespace aieb
