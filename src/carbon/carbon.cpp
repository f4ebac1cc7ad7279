#include "carbon/carbon.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "carbon/table.h"
#include "config/suggest.h"
#include "core/error.h"

namespace aieb {
namespace {

constexpr size_t kSuggestions = 3;
constexpr size_t kShown = 12;
constexpr const char* kInstead =
    "; or state the intensity yourself with metrics.carbon_intensity_g_per_kwh";

/// " (did you mean 'x', 'y'?)": the nearest candidates, as long as they are similar at all.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string wanted = comparable_name(word);
  std::vector<std::pair<int, std::string>> ranked;
  for (const std::string& candidate : candidates) {
    const std::string name = comparable_name(candidate);
    const bool part = wanted.size() >= 3 && name.find(wanted) != std::string::npos;
    const int distance = part ? 0 : edit_distance(wanted, name);
    if (distance <= std::max<int>(1, static_cast<int>(wanted.size()) / 3)) {
      ranked.emplace_back(distance, candidate);
    }
  }
  std::sort(ranked.begin(), ranked.end());
  ranked.erase(std::unique(ranked.begin(), ranked.end()), ranked.end());
  if (ranked.size() > kSuggestions) ranked.resize(kSuggestions);
  std::string text;
  for (const auto& [distance, candidate] : ranked) {
    text += (text.empty() ? " (did you mean '" : ", '") + candidate + "'";
  }
  return text.empty() ? text : text + "?)";
}

[[noreturn]] void unknown_country(const std::string& name) {
  std::vector<std::string> candidates;
  for (const CarbonRow& row : carbon_table()) {
    if (row.kind != CarbonRow::Kind::kCountry) continue;
    candidates.push_back(comparable_name(name).size() <= 3 ? row.country_iso3 : row.country_name);
  }
  throw ConfigError("metrics.country_iso_code: no carbon intensity is known for '" + name + "'" +
                    did_you_mean(name, candidates) +
                    ": give an ISO 3166-1 code such as FRA, or an English name" + kInstead);
}

/// " (known: 'x', 'y')" when there are few enough to show.
std::string known(const std::vector<std::string>& names) {
  if (names.empty() || names.size() > kShown) return "";
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? " (known: '" : ", '") + name + "'";
  return text + ")";
}

[[noreturn]] void unknown_region(const std::string& name, const CarbonRow& country) {
  std::vector<std::string> regions;
  for (const CarbonRow& row : carbon_table()) {
    const bool inside = row.country_iso3 == country.country_iso3;
    if (inside && row.kind != CarbonRow::Kind::kCountry) regions.push_back(row.region);
  }
  const std::string similar = did_you_mean(name, regions);
  std::string message = "metrics.region: no carbon intensity is known for '" + name + "' in " +
                        country.country_iso3 + (similar.empty() ? known(regions) : similar);
  if (regions.empty())
    message += ": there are no regions of " + country.country_name + " in the tables";
  throw ConfigError(message + "; leave metrics.region empty for the country's average" + kInstead);
}

/// The region's row. A cloud region names its country itself, so it goes with the default country.
const CarbonRow& region_row(const std::string& name, const CarbonRow& country,
                            bool country_is_default) {
  const std::vector<const CarbonRow*> found = find_regions(name);
  for (const CarbonRow* row : found) {
    if (row->country_iso3 == country.country_iso3) return *row;
  }
  if (found.empty()) unknown_region(name, country);
  const CarbonRow& other = *found.front();
  if (other.kind == CarbonRow::Kind::kCloudRegion && country_is_default) return other;
  throw ConfigError("metrics.region: '" + name + "' is in " + other.country_iso3 +
                    ", but metrics.country_iso_code is " + country.country_iso3 +
                    ": set country_iso_code: " + other.country_iso3);
}

CarbonFactor factor_of(const CarbonRow& row) {
  CarbonFactor factor;
  factor.g_per_kwh = row.g_per_kwh;
  factor.uncertainty_g_per_kwh = carbon_uncertainty_g_per_kwh(row);
  factor.country_iso_code = row.country_iso3;
  factor.country_name = row.country_name;
  factor.region = row.region;
  factor.year = row.year;
  factor.source = row.source;
  factor.licence = row.licence;
  return factor;
}

void check_not_negative(const char* key, double value, double least) {
  if (std::isfinite(value) && value >= least) return;
  throw ConfigError(std::string(key) + ": expected a number of at least " +
                    (least > 0 ? "1" : "0"));
}

CarbonFactor stated_factor(const MetricsConfig& config, const CarbonRow* country) {
  check_not_negative("metrics.carbon_intensity_g_per_kwh", *config.carbon_intensity_g_per_kwh, 0);
  CarbonFactor factor;
  factor.g_per_kwh = *config.carbon_intensity_g_per_kwh;
  factor.source = "stated in the configuration (metrics.carbon_intensity_g_per_kwh)";
  factor.region = config.region;
  if (country != nullptr && config.location_given) {
    factor.country_iso_code = country->country_iso3;
    factor.country_name = country->country_name;
  }
  return factor;
}

}  // namespace

CarbonFactor resolve_carbon(const MetricsConfig& config) {
  check_not_negative("metrics.pue", config.pue, 1);
  check_not_negative("metrics.wue_l_per_kwh", config.wue_l_per_kwh, 0);
  const CarbonRow* country = find_country(config.country_iso_code);
  CarbonFactor factor;
  if (config.carbon_intensity_g_per_kwh) {
    factor = stated_factor(config, country);
  } else {
    if (country == nullptr) unknown_country(config.country_iso_code);
    const bool country_is_default = config.country_iso_code == MetricsConfig{}.country_iso_code;
    factor = factor_of(
        config.region.empty() ? *country : region_row(config.region, *country, country_is_default));
    factor.assumed = !config.location_given;
  }
  factor.pue = config.pue;
  factor.wue_l_per_kwh = config.wue_l_per_kwh;
  return factor;
}

}  // namespace aieb
