#include "hub/glob.h"

#include <algorithm>

namespace aieb::hub {
namespace {

/// Length of the set `[…]` that `pattern` begins with, 0 if it is none, and whether it has `c`.
size_t match_set(std::string_view pattern, char c, bool& found) {
  const size_t end = pattern.find(']', 2);
  if (end == std::string_view::npos) return 0;
  const bool negated = pattern[1] == '!' || pattern[1] == '^';
  bool inside = false;
  for (size_t i = negated ? 2 : 1; i < end; ++i) {
    const bool range = i + 2 < end && pattern[i + 1] == '-';
    inside = inside || (range ? pattern[i] <= c && c <= pattern[i + 2] : pattern[i] == c);
    if (range) i += 2;
  }
  found = inside != negated;
  return end + 1;
}

bool match_stars(std::string_view pattern, std::string_view path) {
  const bool deep = pattern.starts_with("**");
  pattern.remove_prefix(deep ? 2 : 1);
  // "**/x" also matches "x" itself.
  if (deep && pattern.starts_with('/') && glob_matches(pattern.substr(1), path)) return true;
  for (size_t used = 0; used <= path.size(); ++used) {
    if (glob_matches(pattern, path.substr(used))) return true;
    if (!deep && used < path.size() && path[used] == '/') return false;
  }
  return false;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty()) {
    if (pattern.front() == '*') return match_stars(pattern, path);
    if (path.empty()) return false;
    size_t length = 1;
    bool found = pattern.front() == path.front();
    if (pattern.front() == '?') found = path.front() != '/';
    if (pattern.front() == '[')
      length = std::max<size_t>(1, match_set(pattern, path.front(), found));
    if (!found) return false;
    pattern.remove_prefix(length);
    path.remove_prefix(1);
  }
  return path.empty();
}

}  // namespace aieb::hub
