#pragma once

#include <span>
#include <string>
#include <string_view>

namespace aieb {

/// Levenshtein distance: insertions, deletions and replacements of single bytes.
int edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word` within edit distance 2 (the first of equals), else empty.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace aieb
