#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "core/json.h"

namespace aieb {

/// One configuration key and the values that a sweep gives it, each as YAML text.
struct SweepAxis {
  std::string key;  ///< dotted
  std::vector<std::string> values;

  bool operator==(const SweepAxis&) const = default;
};

/// One key and value of a point.
struct SweepSetting {
  std::string key;
  std::string value;

  bool operator==(const SweepSetting&) const = default;
};

/// One point of a sweep: in the order of the axes.
using SweepSettings = std::vector<SweepSetting>;

/// Reads "key=v1,v2,…". Commas inside brackets, braces and quotes belong to a value, so that a list
/// is written [0,1]. Absent when there is a single value: that is an ordinary override.
/// Throws ConfigError for a value that is empty or stands there twice, and for unbalanced brackets
/// or quotes.
std::optional<SweepAxis> parse_sweep_axis(std::string_view word);

/// All combinations, the last axis changing fastest. Throws ConfigError for a key that two axes
/// name and for more than 10 000 points.
std::vector<SweepSettings> sweep_points(std::span<const SweepAxis> axes);

/// "key=value", one a setting: what the configuration is loaded with.
std::vector<std::string> overrides_of(const SweepSettings& settings);

/// "concurrency=4 model=a": the last segment of each key where that names it among `settings`, else
/// the whole key.
std::string label_of(const SweepSettings& settings);

/// Whether a key is a load: the number of requests in flight or per second.
bool is_load_key(std::string_view key);

/// Throws ConfigError when a point's settings would not change its load: a request rate in a mode
/// without one, a concurrency in the sequential mode, either beside stages.
void require_load_effect(const SweepSettings& settings, const LoadConfig& load);

}  // namespace aieb
