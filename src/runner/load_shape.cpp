#include "runner/load_shape.h"

#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/error.h"

namespace aieb {
namespace {

constexpr const char* kStages = "scenario.load.stages";
constexpr double kMostConcurrency = 1'000'000;
constexpr double kLongestStage_s = 31'557'600;  // a year

/// One entry of `stages`, read key by key.
class StageReader {
 public:
  StageReader(const Json& stage, size_t index, const char* value_key)
      : stage_(stage), name_(fmt::format("{}[{}]", kStages, index)), value_key_(value_key) {
    if (!stage.is_object()) fail("must be a mapping of duration_s and " + std::string(value_key));
    for (const auto& [key, value] : stage.items()) {
      if (key == "duration_s" || key == value_key_) continue;
      fail(fmt::format("has the key '{}'; in this mode a stage has duration_s and {}", key,
                       value_key_));
    }
  }

  [[nodiscard]] double duration_s() const {
    const double duration = number(at("duration_s"));
    if (duration <= 0 || duration > kLongestStage_s) fail("duration_s must be above 0");
    return duration;
  }

  /// [from, to]; one number is both.
  [[nodiscard]] std::pair<double, double> values() const {
    const Json& value = at(value_key_);
    const bool ramp = value.is_array() && value.size() == 2;
    const double from = number(ramp ? value[0] : value);
    const double to = ramp ? number(value[1]) : from;
    if (from < 0 || to < 0 || from + to <= 0) {
      fail(fmt::format("{} must be above 0 (a ramp may begin or end at 0)", value_key_));
    }
    return {from, to};
  }

  [[noreturn]] void fail(const std::string& what) const { throw ConfigError(name_ + ": " + what); }

 private:
  [[nodiscard]] const Json& at(const std::string& key) const {
    const auto found = stage_.find(key);
    if (found == stage_.end()) fail("lacks " + key);
    return *found;
  }

  [[nodiscard]] double number(const Json& value) const {
    if (!value.is_number()) {
      fail("must hold numbers (or [from, to]), found " + value.dump());
    }
    return value.get<double>();
  }

  const Json& stage_;
  std::string name_;
  std::string value_key_;
};

void add_rate_stages(const Json& stages, LoadShape& shape) {
  double total_s = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    const StageReader stage(stages[i], i, "request_rate");
    const auto [from, to] = stage.values();
    shape.rates.push_back({stage.duration_s(), from, to});
    total_s += stage.duration_s();
  }
  shape.duration_s = total_s;
}

void add_concurrency_stages(const Json& stages, LoadShape& shape) {
  double total_s = 0;
  for (size_t i = 0; i < stages.size(); ++i) {
    const StageReader stage(stages[i], i, "concurrency");
    const auto [from, to] = stage.values();
    const bool whole = from == std::floor(from) && to == std::floor(to);
    if (!whole || std::max(from, to) > kMostConcurrency) {
      stage.fail("concurrency must be a whole number of at most 1000000");
    }
    shape.concurrency.push_back(
        {nanoseconds(stage.duration_s()), static_cast<int>(from), static_cast<int>(to)});
    total_s += stage.duration_s();
  }
  shape.duration_s = total_s;
}

void check_consistency(const LoadConfig& load, bool has_stages) {
  if (has_stages && load.duration_s) {
    throw ConfigError(
        "scenario.load.duration_s and scenario.load.stages exclude each other: "
        "every stage has a duration_s of its own");
  }
  if (has_stages && (load.mode == "sequential" || load.mode == "trace")) {
    throw ConfigError(fmt::format(
        "{} has no meaning with scenario.load.mode '{}'; use closed, constant, poisson or gamma",
        kStages, load.mode));
  }
  const bool paced = is_open_loop(load) && load.mode != "trace";
  if (paced && !has_stages && !load.request_rate) {
    throw ConfigError(fmt::format(
        "scenario.load.mode '{}' needs scenario.load.request_rate (requests per second) or {}",
        load.mode, kStages));
  }
}

}  // namespace

bool is_open_loop(const LoadConfig& load) {
  return load.mode != "sequential" && load.mode != "closed";
}

LoadShape load_shape(const LoadConfig& load) {
  const bool has_stages = load.stages.is_array() && !load.stages.empty();
  check_consistency(load, has_stages);
  LoadShape shape;
  shape.duration_s = load.duration_s;
  if (load.mode == "closed" && has_stages) {
    add_concurrency_stages(load.stages, shape);
  } else if (has_stages) {
    add_rate_stages(load.stages, shape);
  } else if (is_open_loop(load) && load.mode != "trace") {
    const double endless = std::numeric_limits<double>::infinity();
    shape.rates.push_back(
        {load.duration_s.value_or(endless), *load.request_rate, *load.request_rate});
  }
  return shape;
}

}  // namespace aieb
