#include "runner/sweep_grid.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"

namespace aieb {
namespace {

constexpr size_t kMostPoints = 10'000;
constexpr const char* kConcurrency = "scenario.load.concurrency";
constexpr const char* kRequestRate = "scenario.load.request_rate";

/// Splits at the commas that stand outside of brackets, braces and quotes.
class ValueSplitter {
 public:
  std::vector<std::string> split(std::string_view word, std::string_view text) {
    size_t begin = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      read(text[i]);
      if (text[i] != ',' || depth_ != 0 || quote_) continue;
      values_.emplace_back(trimmed(text.substr(begin, i - begin)));
      begin = i + 1;
    }
    values_.emplace_back(trimmed(text.substr(begin)));
    if (depth_ != 0 || quote_) {
      throw ConfigError(fmt::format("'{}' has a bracket or quote without its partner", word));
    }
    return values_;
  }

 private:
  void read(char c) {
    if (quote_) {
      if (c == quote_) quote_ = 0;
    } else if (c == '"' || c == '\'') {
      quote_ = c;
    } else if (c == '[' || c == '{') {
      ++depth_;
    } else if (c == ']' || c == '}') {
      --depth_;
    }
  }

  std::vector<std::string> values_;
  int depth_ = 0;
  char quote_ = 0;
};

std::string last_segment(const std::string& key) { return key.substr(key.rfind('.') + 1); }

}  // namespace

std::optional<SweepAxis> parse_sweep_axis(std::string_view word) {
  const size_t equals = word.find('=');
  SweepAxis axis{std::string(word.substr(0, equals)),
                 ValueSplitter().split(word, word.substr(equals + 1))};
  if (axis.values.size() < 2) return std::nullopt;
  std::set<std::string> seen;
  for (const std::string& value : axis.values) {
    if (value.empty()) {
      throw ConfigError(
          fmt::format("'{}' holds an empty value: write null, or take out the comma", word));
    }
    if (!seen.insert(value).second) {
      throw ConfigError(fmt::format("'{}' holds {} twice", word, value));
    }
  }
  return axis;
}

std::vector<SweepSettings> sweep_points(std::span<const SweepAxis> axes) {
  std::vector<SweepSettings> points = {{}};
  std::set<std::string> keys;
  for (const SweepAxis& axis : axes) {
    if (!keys.insert(axis.key).second) {
      throw ConfigError(axis.key + " is swept twice; give all its values in one list");
    }
    if (points.size() * axis.values.size() > kMostPoints) {
      throw ConfigError(fmt::format("the grid has more than {} points", kMostPoints));
    }
    std::vector<SweepSettings> longer;
    for (const SweepSettings& point : points) {
      for (const std::string& value : axis.values) {
        longer.push_back(point);
        longer.back().push_back({axis.key, value});
      }
    }
    points = std::move(longer);
  }
  return points;
}

std::vector<std::string> overrides_of(const SweepSettings& settings) {
  std::vector<std::string> out;
  for (const SweepSetting& s : settings) out.push_back(s.key + "=" + s.value);
  return out;
}

std::string label_of(const SweepSettings& settings) {
  std::string out;
  for (const SweepSetting& s : settings) {
    const std::string name = last_segment(s.key);
    const auto same_name = [&name](const SweepSetting& other) {
      return last_segment(other.key) == name;
    };
    const bool unique = std::ranges::count_if(settings, same_name) == 1;
    out += (out.empty() ? "" : " ") + (unique ? name : s.key) + "=" + s.value;
  }
  return out;
}

bool is_load_key(std::string_view key) { return key == kConcurrency || key == kRequestRate; }

void require_load_effect(const SweepSettings& settings, const LoadConfig& load) {
  for (const SweepSetting& s : settings) {
    if (!is_load_key(s.key)) continue;
    const bool rate = s.key == kRequestRate;
    const bool paced = load.mode == "constant" || load.mode == "poisson" || load.mode == "gamma";
    if (rate ? !paced : load.mode == "sequential") {
      throw ConfigError(
          fmt::format("{} has no effect in scenario.load.mode '{}': add "
                      "scenario.load.mode={}",
                      s.key, load.mode, rate ? "poisson" : "closed"));
    }
    const bool staged = load.stages.is_array() && !load.stages.empty();
    if (staged && (rate || load.mode == "closed")) {
      throw ConfigError(s.key + " has no effect beside scenario.load.stages: take them out");
    }
  }
}

}  // namespace aieb
