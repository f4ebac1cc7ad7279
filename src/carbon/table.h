#pragma once

#include <string>
#include <vector>

namespace aieb {

/// One row of the tables in data/carbon: the average grid carbon intensity of a place.
struct CarbonRow {
  enum class Kind { kCountry, kRegion, kCloudRegion };
  Kind kind = Kind::kCountry;
  std::string country_iso3;
  std::string country_iso2;
  std::string country_name;
  std::string region;                ///< "california", "SE3", "europe-west4"; empty for countries
  std::vector<std::string> aliases;  ///< further names of the region: "US-CA", "gcp:europe-west4"
  double g_per_kwh = 0;              ///< grams of CO2e
  int year = 0;
  std::string basis;  ///< what the figure counts; empty for countries (lifecycle)
  std::string source;
  std::string licence;
};

/// All rows: countries, then regions, then cloud regions, each sorted by key. Parsed once.
const std::vector<CarbonRow>& carbon_table();

/// The form in which names are compared: lower case, '_' and '-' as spaces, single spaces, accents
/// of Latin letters removed.
std::string comparable_name(const std::string& name);

/// The country's row by ISO 3166-1 code (alpha-3 or alpha-2) or English name; null if there is
/// none.
const CarbonRow* find_country(const std::string& name);

/// Rows of regions and cloud regions with this name or alias, in any country.
std::vector<const CarbonRow*> find_regions(const std::string& name);

/// Expanded uncertainty (k = 2) of a row as the intensity of one site in one run, in g/kWh.
/// docs/carbon.md derives it.
double carbon_uncertainty_g_per_kwh(const CarbonRow& row);

}  // namespace aieb
