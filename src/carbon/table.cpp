#include "carbon/table.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

#include "core/csv.h"

namespace aieb {
namespace embedded {
extern const std::string_view carbon_countries;
extern const std::string_view carbon_regions;
extern const std::string_view carbon_cloud_regions;
}  // namespace embedded

namespace {

/// Between two published figures for one grid: see docs/carbon.md.
constexpr double kRelativeUncertainty = 0.5;
constexpr double kLeastUncertainty = 25;

using Record = std::map<std::string, std::string>;

std::vector<Record> records(std::string_view csv) {
  const auto rows = parse_csv(csv);
  std::vector<Record> result;
  for (size_t r = 1; r < rows.size(); ++r) {
    Record record;
    for (size_t c = 0; c < rows[r].size() && c < rows[0].size(); ++c) {
      record[rows[0][c]] = rows[r][c];
    }
    result.push_back(std::move(record));
  }
  return result;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find(';', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

CarbonRow common(const Record& record, CarbonRow::Kind kind) {
  const auto field = [&](const char* name) {
    const auto it = record.find(name);
    return it == record.end() ? std::string() : it->second;
  };
  CarbonRow row;
  row.kind = kind;
  row.g_per_kwh = std::atof(field("g_per_kwh").c_str());
  row.year = std::atoi(field("year").c_str());
  row.basis = field("basis");
  row.source = field("source");
  row.licence = field("licence");
  row.region = field("region");
  row.aliases = split(field("aliases"));
  if (!field("code").empty()) row.aliases.push_back(field("code"));
  if (!field("provider").empty()) row.aliases.push_back(field("provider") + ":" + row.region);
  return row;
}

std::vector<CarbonRow> load() {
  std::vector<CarbonRow> rows;
  std::map<std::string, CarbonRow> countries;
  for (const Record& record : records(embedded::carbon_countries)) {
    CarbonRow row = common(record, CarbonRow::Kind::kCountry);
    row.country_iso3 = record.at("iso3");
    row.country_iso2 = record.at("iso2");
    row.country_name = record.at("name");
    countries[row.country_iso3] = row;
    rows.push_back(std::move(row));
  }
  const auto add = [&](std::string_view csv, CarbonRow::Kind kind) {
    for (const Record& record : records(csv)) {
      CarbonRow row = common(record, kind);
      const CarbonRow& country = countries.at(record.at("country_iso3"));
      row.country_iso3 = country.country_iso3;
      row.country_iso2 = country.country_iso2;
      row.country_name = country.country_name;
      rows.push_back(std::move(row));
    }
  };
  add(embedded::carbon_regions, CarbonRow::Kind::kRegion);
  add(embedded::carbon_cloud_regions, CarbonRow::Kind::kCloudRegion);
  return rows;
}

/// Latin letters with accents (UTF-8, U+00C0 … U+00FF) without them; 0 where there is no such one.
char base_letter(unsigned char second_byte) {
  constexpr std::string_view kBase =
      "aaaaaaaceeeeiiiidnooooo ouuuuy  aaaaaaaceeeeiiiidnooooo ouuuuy y";
  static_assert(kBase.size() == 64);
  return kBase[second_byte & 0x3F];
}

/// Spread of the regions of a country around their mean: 2 σ / mean; 0 without a table of them.
double regional_spread(const std::string& country_iso3) {
  double count = 0;
  double sum = 0;
  double squares = 0;
  for (const CarbonRow& row : carbon_table()) {
    if (row.kind != CarbonRow::Kind::kRegion || row.country_iso3 != country_iso3) continue;
    count += 1;
    sum += row.g_per_kwh;
    squares += row.g_per_kwh * row.g_per_kwh;
  }
  if (count < 2) return 0;
  const double mean = sum / count;
  return 2 * std::sqrt(std::max(0.0, squares / count - mean * mean)) / mean;
}

}  // namespace

const std::vector<CarbonRow>& carbon_table() {
  static const std::vector<CarbonRow> kRows = load();
  return kRows;
}

std::string comparable_name(const std::string& name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    auto c = static_cast<unsigned char>(name[i]);
    if (c == 0xC3 && i + 1 < name.size()) {
      c = static_cast<unsigned char>(base_letter(static_cast<unsigned char>(name[++i])));
    }
    if (c == '_' || c == '-' || std::isspace(c) != 0) c = ' ';
    if (c == ' ' && (result.empty() || result.back() == ' ')) continue;
    result += static_cast<char>(std::tolower(c));
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

const CarbonRow* find_country(const std::string& name) {
  const std::string wanted = comparable_name(name);
  const auto& rows = carbon_table();
  const auto it = std::find_if(rows.begin(), rows.end(), [&](const CarbonRow& row) {
    return row.kind == CarbonRow::Kind::kCountry && (comparable_name(row.country_iso3) == wanted ||
                                                     comparable_name(row.country_iso2) == wanted ||
                                                     comparable_name(row.country_name) == wanted);
  });
  return it == rows.end() || wanted.empty() ? nullptr : &*it;
}

std::vector<const CarbonRow*> find_regions(const std::string& name) {
  const std::string wanted = comparable_name(name);
  std::vector<const CarbonRow*> found;
  for (const CarbonRow& row : carbon_table()) {
    if (row.kind == CarbonRow::Kind::kCountry || wanted.empty()) continue;
    const bool matches =
        comparable_name(row.region) == wanted ||
        std::any_of(row.aliases.begin(), row.aliases.end(),
                    [&](const std::string& alias) { return comparable_name(alias) == wanted; });
    if (matches) found.push_back(&row);
  }
  return found;
}

double carbon_uncertainty_g_per_kwh(const CarbonRow& row) {
  double relative = kRelativeUncertainty;
  if (row.kind == CarbonRow::Kind::kCountry) {
    relative = std::min(1.0, std::hypot(relative, regional_spread(row.country_iso3)));
  }
  return std::max(relative * row.g_per_kwh, kLeastUncertainty);
}

}  // namespace aieb
