#include "meters/cpu_tdp.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <regex>
#include <utility>

#include "core/csv.h"

namespace aieb {
namespace embedded {
extern const std::string_view cpu_tdp;
}  // namespace embedded

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// What is removed from a name, in this order; matched without regard to case.
const std::regex& noise() {
  static const std::regex kNoise(
      R"(\(r\)|\(tm\)|®|™|@.*$|\b(with|w/) .*$|\b(\d+|dual|quad|six|eight|twelve)-cores?\b)"
      R"(|\bcpu\b|\bprocessor\b|\b\d+th gen\b)",
      std::regex::icase | std::regex::optimize);
  return kNoise;
}

}  // namespace

std::string normalized_cpu_name(std::string_view name) {
  const std::string plain = lower(std::regex_replace(std::string(name), noise(), " "));
  std::string result;
  for (const char c : plain) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!space) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

std::optional<double> cpu_tdp_w(std::string_view name) {
  const std::string wanted = normalized_cpu_name(name);
  std::optional<double> best;
  if (wanted.empty()) return best;
  const std::string last_word = wanted.substr(wanted.rfind(' ') + 1);  // npos + 1 is 0
  for (const auto& row : parse_csv(embedded::cpu_tdp)) {
    // Normalising is slow; the model number alone rules out nearly all rows.
    if (row.size() < 2 || lower(row[0]).find(last_word) == std::string::npos) continue;
    if (normalized_cpu_name(row[0]) != wanted) continue;
    best = std::max(best.value_or(0), std::atof(row[1].c_str()));
  }
  return best;
}

}  // namespace aieb
