#include "engine/placement/memory.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <tuple>

#include "core/error.h"
#include "core/text.h"

namespace aieb::engine {
namespace {

/// Free memory that transformers leaves to others when it decides by itself.
constexpr double kShareOfCpu = 0.9;
constexpr int64_t kBitsInByte = 8;

struct Unit {
  const char* name;  ///< in capitals
  double bytes;
  bool decimal;
};
constexpr std::array kUnits = {
    Unit{"GIB", 1LL << 30, false}, Unit{"MIB", 1LL << 20, false}, Unit{"KIB", 1LL << 10, false},
    Unit{"GB", 1e9, true},         Unit{"MB", 1e6, true},         Unit{"KB", 1e3, true},
};

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

/// Absent when the text is no number from 0.
std::optional<double> number(const std::string& text) {
  std::string digits(trimmed(text));
  if (digits.starts_with('+')) digits.erase(0, 1);
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  const bool whole = error == std::errc() && stop == end;
  return whole && std::isfinite(value) && value >= 0 ? std::optional(value) : std::nullopt;
}

std::optional<int64_t> bytes_of(const std::string& text) {
  const std::string capitals = upper(text);
  const auto* unit = std::ranges::find_if(
      kUnits, [&](const Unit& candidate) { return capitals.ends_with(candidate.name); });
  if (unit == kUnits.end()) return std::nullopt;
  const size_t length = std::string(unit->name).size();
  const std::optional<double> count = number(text.substr(0, text.size() - length));
  if (!count) return std::nullopt;
  const auto bytes = static_cast<int64_t>(*count * unit->bytes);
  return unit->decimal && text.back() == 'b' ? bytes / kBitsInByte : bytes;
}

/// GPUs by number, then the CPU, then the disk. Throws ConfigError.
std::tuple<int, int> rank(const std::string& place) {
  if (place == "cpu") return {1, 0};
  if (place == "disk") return {2, 0};
  int gpu = 0;
  const char* end = place.data() + place.size();
  const auto [stop, error] = std::from_chars(place.data(), end, gpu);
  if (error == std::errc() && stop == end && gpu >= 0) return {0, gpu};
  throw ConfigError("backend.max_memory: '" + place +
                    "' is no device; use a GPU's number, cpu or disk");
}

}  // namespace

int64_t memory_bytes(const Json& size, const std::string& key) {
  if (size.is_number_integer() && size.get<int64_t>() >= 0) return size.get<int64_t>();
  if (size.is_string()) {
    if (const auto bytes = bytes_of(size.get<std::string>())) return *bytes;
  }
  throw ConfigError(key + ": " + size.dump() +
                    " is no amount of memory; use a whole number of bytes, or a number with one "
                    "of the units GB, MB, KB, GiB, MiB, KiB");
}

PlaceLimits user_limits(const Json& max_memory) {
  PlaceLimits limits;
  for (const auto& [place, size] : max_memory.items()) {
    static_cast<void>(rank(place));  // a single entry is not compared
    const auto bytes = memory_bytes(size, "backend.max_memory." + place);
    limits.push_back({place, static_cast<double>(bytes)});
  }
  std::ranges::sort(limits, {}, [](const PlaceLimit& limit) { return rank(limit.place); });
  return limits;
}

PlaceLimits free_limits(const std::map<int, int64_t>& gpus, int64_t cpu) {
  PlaceLimits limits;
  for (const auto& [index, bytes] : gpus) {
    limits.push_back({std::to_string(index), static_cast<double>(bytes)});
  }
  limits.push_back({"cpu", static_cast<double>(cpu) * kShareOfCpu});
  return limits;
}

}  // namespace aieb::engine
