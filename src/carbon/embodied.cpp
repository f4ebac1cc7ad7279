#include "carbon/embodied.h"

#include <cmath>
#include <string>

#include "config/suggest.h"
#include "core/error.h"

namespace aieb {
namespace {

constexpr double kHoursPerYear = 365.25 * 24;
constexpr double kGramsPerKg = 1000;
constexpr const char* kGpu = "gpu";

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> kKeys = {
      "component",           "devices", "g_per_hour", "total_kg", "lifetime_years",
      "uncertainty_percent", "source"};
  return kKeys;
}

/// One entry of the list, with its place for messages.
class Entry {
 public:
  Entry(const Json& json, size_t index)
      : json_(json), place_("metrics.embodied[" + std::to_string(index) + "]") {
    if (!json.is_object()) fail("", "must be a mapping");
    for (const auto& [key, value] : json.items()) check_known(key);
  }

  [[nodiscard]] std::string text(const char* key, const char* what) const {
    const bool given = has(key) && json_[key].is_string() && json_[key] != "";
    if (!given) fail(key, std::string("is missing: ") + what);
    return json_[key];
  }

  /// `above`: 0 itself is not allowed.
  [[nodiscard]] std::optional<double> number(const char* key, bool above) const {
    if (!has(key)) return std::nullopt;
    const double value = json_[key].is_number() ? json_[key].get<double>() : -1;
    if (std::isfinite(value) && (above ? value > 0 : value >= 0)) return value;
    fail(key, std::string("must be a number ") + (above ? "above 0" : "of at least 0"));
  }

  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw ConfigError(place_ + (key.empty() ? "" : "." + key) + " " + what);
  }

 private:
  [[nodiscard]] bool has(const char* key) const {
    return json_.contains(key) && !json_[key].is_null();
  }

  void check_known(const std::string& key) const {
    std::string listed;
    for (const std::string& known : known_keys()) {
      if (key == known) return;
      listed += (listed.empty() ? "" : ", ") + known;
    }
    const std::string like = nearest(key, known_keys());
    fail(key, like.empty() ? "is not known; known are " + listed
                           : "is not known (did you mean '" + like + "'?)");
  }

  const Json& json_;
  std::string place_;
};

double rate_of(const Entry& entry) {
  const auto rate = entry.number("g_per_hour", false);
  const auto total = entry.number("total_kg", false);
  const auto years = entry.number("lifetime_years", true);
  if (rate && (total || years)) {
    entry.fail("g_per_hour", "excludes total_kg and lifetime_years, which say the same: keep one");
  }
  if (rate) return *rate;
  if (!total || !years) {
    entry.fail("g_per_hour", "is missing: give it, or total_kg and lifetime_years");
  }
  return *total * kGramsPerKg / (*years * kHoursPerYear);
}

}  // namespace

std::vector<EmbodiedItem> embodied_items(const Json& list) {
  std::vector<EmbodiedItem> items;
  if (list.is_null()) return items;
  if (!list.is_array()) throw ConfigError("metrics.embodied must be a list of components");
  for (size_t i = 0; i < list.size(); ++i) {
    const Entry entry(list[i], i);
    EmbodiedItem item;
    item.component = entry.text("component", "gpu, cpu, server, or what else it is");
    item.source = entry.text("source", "where the figure comes from, for the reports");
    item.devices = entry.number("devices", true);
    if (!item.devices && item.component != kGpu) {
      entry.fail("devices", "is missing: how many of them ran (only GPUs are counted here)");
    }
    item.g_per_hour = rate_of(entry);
    item.uncertainty_percent = entry.number("uncertainty_percent", false);
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace aieb
