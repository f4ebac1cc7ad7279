#include "core/carbon_factor.h"

#include <algorithm>

#include "core/clock.h"

namespace aieb {
namespace {

/// Sensors' clocks and the wall clock are compared once a second; nothing hangs on a moment.
constexpr int64_t kSlack_ns = 1'000'000'000;

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::optional<double> number_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

/// Times both for people and exactly.
Json to_json(const CarbonInterval& i) {
  return {{"from", iso_utc(i.from_ns)}, {"to", iso_utc(i.to_ns)},
          {"from_ns", i.from_ns},       {"to_ns", i.to_ns},
          {"g_per_kwh", i.g_per_kwh},   {"uncertainty_g_per_kwh", i.uncertainty_g_per_kwh}};
}

Json to_json(const CarbonSeries& s) {
  Json intervals = Json::array();
  for (const CarbonInterval& interval : s.intervals) intervals.push_back(to_json(interval));
  return {{"file", s.file},
          {"rows", s.rows},
          {"from", iso_utc(s.from_ns)},
          {"to", iso_utc(s.to_ns)},
          {"from_ns", s.from_ns},
          {"to_ns", s.to_ns},
          {"intervals", std::move(intervals)}};
}

CarbonSeries series_from(const Json& j) {
  CarbonSeries s;
  s.file = j.value("file", "");
  s.rows = j.value("rows", int64_t{0});
  s.from_ns = j.value("from_ns", int64_t{0});
  s.to_ns = j.value("to_ns", int64_t{0});
  for (const Json& i : j.value("intervals", Json::array())) {
    s.intervals.push_back({i.at("from_ns").get<int64_t>(), i.at("to_ns").get<int64_t>(),
                           i.value("g_per_kwh", 0.0), i.value("uncertainty_g_per_kwh", 0.0)});
  }
  return s;
}

std::string range_text(int64_t from_ns, int64_t to_ns) {
  return iso_utc(from_ns) + " to " + iso_utc(to_ns);
}

}  // namespace

Json to_json(const EmbodiedItem& item) {
  return {{"component", item.component},
          {"devices", number_or_null(item.devices)},
          {"g_per_hour", item.g_per_hour},
          {"uncertainty_percent", number_or_null(item.uncertainty_percent)},
          {"source", item.source}};
}

EmbodiedItem embodied_item_from(const Json& json) {
  return {json.value("component", ""), number_at(json, "devices"), json.value("g_per_hour", 0.0),
          number_at(json, "uncertainty_percent"), json.value("source", "")};
}

Json to_json(const CarbonFactor& f) {
  const bool known = f.unknown.empty();
  Json out = {{"g_per_kwh", known ? Json(f.g_per_kwh) : Json(nullptr)},
              {"uncertainty_g_per_kwh", known ? Json(f.uncertainty_g_per_kwh) : Json(nullptr)},
              {"unknown", known ? Json(nullptr) : Json(f.unknown)},
              {"country_iso_code", f.country_iso_code},
              {"country_name", f.country_name},
              {"region", f.region},
              {"assumed", f.assumed},
              {"year", f.year},
              {"basis", f.basis},
              {"source", f.source},
              {"licence", f.licence},
              {"pue", f.pue},
              {"pue_uncertainty", f.pue_uncertainty},
              {"wue_l_per_kwh", f.wue_l_per_kwh},
              {"wue_uncertainty_l_per_kwh", f.wue_uncertainty_l_per_kwh},
              {"series", f.series ? to_json(*f.series) : Json(nullptr)}};
  if (f.embodied.empty()) return out;
  for (const EmbodiedItem& item : f.embodied) out["embodied"].push_back(to_json(item));
  return out;
}

CarbonFactor carbon_factor_from(const Json& j) {
  CarbonFactor f;
  f.g_per_kwh = number_at(j, "g_per_kwh").value_or(0);
  f.uncertainty_g_per_kwh = number_at(j, "uncertainty_g_per_kwh").value_or(0);
  const Json unknown = j.value("unknown", Json());
  if (unknown.is_string()) f.unknown = unknown;
  f.country_iso_code = j.value("country_iso_code", "");
  f.country_name = j.value("country_name", "");
  f.region = j.value("region", "");
  f.assumed = j.value("assumed", false);
  f.year = j.value("year", 0);
  f.basis = j.value("basis", "");
  f.source = j.value("source", "");
  f.licence = j.value("licence", "");
  f.pue = j.value("pue", 1.0);
  f.pue_uncertainty = j.value("pue_uncertainty", 0.0);
  f.wue_l_per_kwh = j.value("wue_l_per_kwh", 0.0);
  f.wue_uncertainty_l_per_kwh = j.value("wue_uncertainty_l_per_kwh", 0.0);
  const Json series = j.value("series", Json());
  if (series.is_object()) f.series = series_from(series);
  for (const Json& item : j.value("embodied", Json::array())) {
    f.embodied.push_back(embodied_item_from(item));
  }
  return f;
}

CarbonFactor trimmed(CarbonFactor factor, int64_t from_ns, int64_t to_ns) {
  if (!factor.series) return factor;
  std::erase_if(factor.series->intervals, [&](const CarbonInterval& i) {
    return i.to_ns <= from_ns - kSlack_ns || i.from_ns >= to_ns + kSlack_ns;
  });
  return factor;
}

std::string uncovered(const CarbonFactor& factor, int64_t from_ns, int64_t to_ns) {
  if (!factor.series) return "";
  const CarbonSeries& s = *factor.series;
  to_ns = std::max(to_ns, from_ns + 1);
  int64_t until = from_ns;
  for (const CarbonInterval& i : s.intervals) {
    if (i.from_ns > until + kSlack_ns || until >= to_ns) break;
    until = std::max(until, i.to_ns);
  }
  if (until > from_ns && until + kSlack_ns >= to_ns) return "";
  std::string text = s.file + " holds " + range_text(s.from_ns, s.to_ns) + ", ";
  if (until >= s.from_ns && until < s.to_ns) {
    text += "but nothing of " + iso_utc(until) + ", a moment of ";
  } else {
    text += "which does not hold ";
  }
  return text + range_text(from_ns, to_ns);
}

}  // namespace aieb
