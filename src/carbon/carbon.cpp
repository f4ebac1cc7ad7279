#include "carbon/carbon.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "carbon/electricity_maps.h"
#include "carbon/embodied.h"
#include "carbon/series.h"
#include "carbon/table.h"
#include "config/suggest.h"
#include "core/clock.h"
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

/// Only the place, as far as it was named.
CarbonFactor named_place(const MetricsConfig& config) {
  CarbonFactor factor;
  factor.region = config.region;
  const CarbonRow* country = find_country(config.country_iso_code);
  if (country != nullptr && config.location_given) {
    factor.country_iso_code = country->country_iso3;
    factor.country_name = country->country_name;
  }
  return factor;
}

CarbonFactor stated_factor(const MetricsConfig& config) {
  check_not_negative("metrics.carbon_intensity_g_per_kwh", *config.carbon_intensity_g_per_kwh, 0);
  CarbonFactor factor = named_place(config);
  factor.g_per_kwh = *config.carbon_intensity_g_per_kwh;
  factor.source = "stated in the configuration (metrics.carbon_intensity_g_per_kwh)";
  return factor;
}

/// "column 'MOER', zone FR, 3 rows estimated": what is to be known of a file beside its name.
std::string details_of(const SeriesFile& file) {
  std::string text = "column '" + file.column + "'";
  if (!file.zone.empty()) text += ", zone " + file.zone;
  if (file.estimated > 0) text += ", " + std::to_string(file.estimated) + " rows estimated";
  if (file.without_value > 0) {
    text += ", " + std::to_string(file.without_value) + " rows without a value";
  }
  return text;
}

CarbonFactor series_factor(const MetricsConfig& config) {
  const std::string& path = config.carbon_intensity_series;
  SeriesFile file = read_carbon_series(
      path, {path, config.carbon_intensity_zone, config.carbon_intensity_uncertainty_percent});
  CarbonFactor factor = named_place(config);
  if (factor.region.empty()) factor.region = file.zone;
  factor.source = path + " (" + details_of(file) + ")";
  factor.basis = file.basis;
  factor.series = std::move(file.series);
  factor.unknown = "it is known by time; nothing was measured yet";
  return factor;
}

CarbonFactor live_factor(const MetricsConfig& config) {
  CarbonFactor factor = named_place(config);
  const std::string zone = live_query(config).zone;
  if (factor.region.empty() && zone != config.country_iso_code) factor.region = zone;
  factor.source = "Electricity Maps, live";
  factor.unknown = "Electricity Maps was not asked yet";
  return factor;
}

CarbonFactor table_factor(const MetricsConfig& config) {
  const CarbonRow* country = find_country(config.country_iso_code);
  if (country == nullptr) unknown_country(config.country_iso_code);
  const bool country_is_default = config.country_iso_code == MetricsConfig{}.country_iso_code;
  CarbonFactor factor = factor_of(
      config.region.empty() ? *country : region_row(config.region, *country, country_is_default));
  factor.assumed = !config.location_given;
  return factor;
}

/// Throws when the intensity is given in more than one way.
void check_one_intensity(const MetricsConfig& config) {
  std::string given;
  const auto add = [&given](bool is_given, const char* key) {
    if (is_given) given += (given.empty() ? "" : " and ") + std::string("metrics.") + key;
  };
  add(config.carbon_intensity_g_per_kwh.has_value(), "carbon_intensity_g_per_kwh");
  add(!config.carbon_intensity_series.empty(), "carbon_intensity_series");
  add(config.carbon_intensity_live != "off", "carbon_intensity_live");
  if (given.find(" and ") == std::string::npos) return;
  throw ConfigError(given + " exclude each other: keep one of them");
}

CarbonFactor intensity_of(const MetricsConfig& config) {
  check_one_intensity(config);
  if (config.carbon_intensity_g_per_kwh) return stated_factor(config);
  if (!config.carbon_intensity_series.empty()) return series_factor(config);
  if (config.carbon_intensity_live != "off") return live_factor(config);
  return table_factor(config);
}

}  // namespace

CarbonFactor resolve_carbon(const MetricsConfig& config) {
  check_not_negative("metrics.pue", config.pue, 1);
  check_not_negative("metrics.wue_l_per_kwh", config.wue_l_per_kwh, 0);
  check_not_negative("metrics.pue_uncertainty_percent", config.pue_uncertainty_percent, 0);
  check_not_negative("metrics.wue_uncertainty_percent", config.wue_uncertainty_percent, 0);
  CarbonFactor factor = intensity_of(config);
  if (const auto percent = config.carbon_intensity_uncertainty_percent) {
    check_not_negative("metrics.carbon_intensity_uncertainty_percent", *percent, 0);
    factor.uncertainty_g_per_kwh = factor.g_per_kwh * *percent / 100;
  }
  factor.pue = config.pue;
  factor.pue_uncertainty = config.pue * config.pue_uncertainty_percent / 100;
  factor.wue_l_per_kwh = config.wue_l_per_kwh;
  factor.wue_uncertainty_l_per_kwh = config.wue_l_per_kwh * config.wue_uncertainty_percent / 100;
  factor.embodied = embodied_items(config.embodied);
  return factor;
}

CarbonFactor resolve_carbon_at(const MetricsConfig& config, int64_t from_ns, double planned_s) {
  CarbonFactor factor = resolve_carbon(config);
  const std::string reason = uncovered(factor, from_ns, from_ns + nanoseconds(planned_s));
  if (reason.empty()) return factor;
  throw ConfigError(
      "metrics.carbon_intensity_series: " + reason +
      ", the time of the run. Give a file that holds it; or leave the setting out, and "
      "once there is such a file: aieb report RUN --carbon-series FILE");
}

}  // namespace aieb
