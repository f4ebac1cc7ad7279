#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "carbon/carbon.h"
#include "carbon/table.h"
#include "cli/command.h"
#include "cli/text_table.h"
#include "core/json.h"
#include "reporters/csv_format.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

struct CarbonArguments {
  std::vector<std::string> countries;
  std::string code;
  std::string region;
  std::string format = "table";
};

const char* kind_text(CarbonRow::Kind kind) {
  switch (kind) {
    case CarbonRow::Kind::kCountry:
      return "country";
    case CarbonRow::Kind::kRegion:
      return "region";
    case CarbonRow::Kind::kCloudRegion:
      return "cloud region";
  }
  return "country";
}

/// A column of `list`, for people and for programs.
struct Column {
  const char* name;
  Json (*value)(const CarbonRow& row);
};

const std::vector<Column>& columns() {
  static const std::vector<Column> kColumns = {
      {"country", [](const CarbonRow& r) -> Json { return r.country_iso3; }},
      {"kind", [](const CarbonRow& r) -> Json { return kind_text(r.kind); }},
      {"place",
       [](const CarbonRow& r) -> Json { return r.region.empty() ? r.country_name : r.region; }},
      {"g_per_kwh", [](const CarbonRow& r) -> Json { return r.g_per_kwh; }},
      {"uncertainty_g_per_kwh",
       [](const CarbonRow& r) -> Json { return carbon_uncertainty_g_per_kwh(r); }},
      {"year", [](const CarbonRow& r) -> Json { return r.year; }},
      {"basis", [](const CarbonRow& r) -> Json { return r.basis.empty() ? "lifecycle" : r.basis; }},
      {"source", [](const CarbonRow& r) -> Json { return r.source; }},
      {"licence", [](const CarbonRow& r) -> Json { return r.licence; }},
  };
  return kColumns;
}

std::vector<std::string> column_names() {
  std::vector<std::string> names;
  for (const Column& column : columns()) names.emplace_back(column.name);
  return names;
}

/// Rows of the named countries, of all without a name. Throws ConfigError for an unknown one.
std::vector<const CarbonRow*> chosen_rows(const std::vector<std::string>& countries) {
  std::vector<const CarbonRow*> rows;
  const auto add = [&rows](const std::string& iso3) {
    for (const CarbonRow& row : carbon_table()) {
      if (iso3.empty() || row.country_iso3 == iso3) rows.push_back(&row);
    }
  };
  if (countries.empty()) add("");
  for (const std::string& name : countries) {
    MetricsConfig place;
    place.country_iso_code = name;
    add(resolve_carbon(place).country_iso_code);
  }
  return rows;
}

std::string as_table(const std::vector<const CarbonRow*>& rows) {
  TextTable table({"country", "kind", "place", "gCO2e/kWh", "year", "source", "licence"});
  for (const CarbonRow* r : rows) {
    table.add({r->country_iso3, kind_text(r->kind), r->region.empty() ? r->country_name : r->region,
               fmt::format("{:.0f} ± {:.0f}", r->g_per_kwh, carbon_uncertainty_g_per_kwh(*r)),
               std::to_string(r->year), r->source, r->licence});
  }
  return table.text();
}

std::string as_csv(const std::vector<const CarbonRow*>& rows) {
  std::string out = fmt::format("{}\n", fmt::join(column_names(), ","));
  for (const CarbonRow* row : rows) {
    std::string line;
    for (const Column& column : columns()) {
      line += (line.empty() ? "" : ",") + csv_cell(column.value(*row));
    }
    out += line + "\n";
  }
  return out;
}

std::string as_json(const std::vector<const CarbonRow*>& rows) {
  Json out = Json::array();
  for (const CarbonRow* row : rows) {
    Json item = Json::object();
    for (const Column& column : columns()) item[column.name] = column.value(*row);
    out.push_back(std::move(item));
  }
  return out.dump(2) + "\n";
}

ExitCode list(const CarbonArguments& a) {
  const std::vector<const CarbonRow*> rows = chosen_rows(a.countries);
  const std::string text = a.format == "csv"    ? as_csv(rows)
                           : a.format == "json" ? as_json(rows)
                                                : as_table(rows);
  std::fputs(text.c_str(), stdout);
  return ExitCode::kOk;
}

/// What a run at that place would be computed with.
ExitCode show(const CarbonArguments& a) {
  MetricsConfig place;
  place.country_iso_code = a.code;
  place.region = a.region;
  place.location_given = true;
  // A cloud region alone names its country.
  if (a.region.empty() && find_country(a.code) == nullptr && !find_regions(a.code).empty()) {
    place.region = a.code;
    place.country_iso_code = find_regions(a.code).front()->country_iso3;
  }
  const CarbonFactor f = resolve_carbon(place);
  if (a.format == "json") {
    std::fputs((to_json(f).dump(2) + "\n").c_str(), stdout);
    return ExitCode::kOk;
  }
  std::string name = f.country_name + " (" + f.country_iso_code + ")";
  if (!f.region.empty()) name += ", " + f.region;
  std::string out = name + "\n";
  const std::pair<const char*, std::string> lines[] = {
      {"intensity",
       fmt::format("{:.1f} ± {:.0f} gCO2e/kWh (k = 2)", f.g_per_kwh, f.uncertainty_g_per_kwh)},
      {"year", std::to_string(f.year)},
      {"source", f.source},
      {"licence", f.licence}};
  for (const auto& [label, text] : lines) out += "  " + padded(label, 12) + text + "\n";
  std::fputs(out.c_str(), stdout);
  return ExitCode::kOk;
}

void add_format(CLI::App& app, std::string& format, const std::vector<std::string>& choices) {
  app.add_option("--format", format, fmt::format("{} (table)", fmt::join(choices, ", ")))
      ->check(CLI::IsMember(choices))
      ->type_name("FORMAT");
}

}  // namespace

Action declare_carbon(CLI::App& app) {
  const auto arguments = std::make_shared<CarbonArguments>();
  CLI::App* list_app = app.add_subcommand("list", "The tables, a row each with source and licence");
  list_app->add_option("country", arguments->countries, "ISO 3166-1 codes or names (default: all)")
      ->type_name("[COUNTRY...]");
  add_format(*list_app, arguments->format, {"table", "csv", "json"});
  CLI::App* show_app = app.add_subcommand("show", "What a run at that place is computed with");
  show_app->add_option("code", arguments->code, "Country, or a cloud region")
      ->type_name("CODE")
      ->required();
  show_app->add_option("region", arguments->region, "Region of the country")->type_name("[REGION]");
  add_format(*show_app, arguments->format, {"table", "json"});
  app.require_subcommand(1);
  return [arguments, list_app] { return list_app->parsed() ? list(*arguments) : show(*arguments); };
}

}  // namespace aieb::cli
