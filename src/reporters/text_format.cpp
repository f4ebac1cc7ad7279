#include "reporters/text_format.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

namespace aieb {
namespace {

/// Commas between groups of three digits of the integer part.
std::string with_commas(std::string_view number) {
  const size_t end = std::min(number.find('.'), number.size());
  const size_t sign = number.starts_with('-') ? 1 : 0;
  std::string out;
  for (size_t i = 0; i < number.size(); ++i) {
    if (i > sign && i < end && (end - i) % 3 == 0) out += ',';
    out += number[i];
  }
  return out;
}

}  // namespace

std::string count_text(int64_t count) { return with_commas(std::to_string(count)); }

std::string number_text(double value) {
  if (!std::isfinite(value)) return "unknown";
  if (value == 0) return "0";
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  return with_commas(fmt::format("{:.{}f}", value, std::clamp(2 - magnitude, 0, 12)));
}

std::string duration_text(double seconds) {
  if (seconds < 1e-3) return number_text(seconds * 1e6) + " µs";
  if (seconds < 1) return number_text(seconds * 1e3) + " ms";
  if (seconds < 60) return number_text(seconds) + " s";
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string quantity_text(Quantity quantity, std::string_view unit) {
  quantity.unit = unit;
  return to_text(quantity);
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

size_t display_width(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(std::string_view text, size_t width) {
  const size_t have = display_width(text);
  return std::string(text) + std::string(have < width ? width - have : 0, ' ');
}

std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    if (!lines.empty() && display_width(lines.back()) + 1 + display_width(word) <= width) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

}  // namespace aieb
