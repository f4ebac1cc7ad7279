#include "config/problems.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace aieb {

void Problems::error(const Origin& origin, const std::string& text) {
  errors_.push_back({origin, text});
}

void Problems::warning(const Origin& origin, const std::string& text) {
  warnings_.push_back({origin, text});
}

void Problems::throw_if_any() const {
  if (!errors_.empty())
    throw ConfigError(fmt::format("{}", fmt::join(sorted_texts(errors_), "\n")));
}

std::vector<std::string> Problems::sorted_texts(std::vector<Problem> problems) {
  std::vector<std::string> places;  // in the order of their first problem
  const auto rank = [&](const std::string& place) {
    return std::find(places.begin(), places.end(), place) - places.begin();
  };
  for (const Problem& problem : problems) {
    if (rank(problem.origin.place) == static_cast<std::ptrdiff_t>(places.size())) {
      places.push_back(problem.origin.place);
    }
  }
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& a, const Problem& b) {
    const auto rank_a = rank(a.origin.place);
    const auto rank_b = rank(b.origin.place);
    return rank_a != rank_b ? rank_a < rank_b : a.origin.line < b.origin.line;
  });
  std::vector<std::string> texts;
  for (const Problem& problem : problems) {
    texts.push_back(to_text(problem.origin) + ": " + problem.text);
  }
  return texts;
}

}  // namespace aieb
