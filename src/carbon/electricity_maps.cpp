#include "carbon/electricity_maps.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "carbon/series.h"
#include "carbon/table.h"
#include "carbon/timestamp.h"
#include "core/error.h"
#include "core/text.h"
#include "http/client.h"
#include "http/url.h"

namespace aieb {
namespace {

constexpr int64_t kConnectTimeout_ns = 5'000'000'000;
constexpr int64_t kTimeout_ns = 10'000'000'000;
constexpr int64_t kStale_ns = 2 * kHour_ns;
constexpr size_t kShownBytes = 200;
constexpr const char* kTokenVariable = "ELECTRICITYMAPS_API_TOKEN";
constexpr const char* kPage = "/v3/carbon-intensity/latest";
constexpr const char* kLive = "metrics.carbon_intensity_live: ";
constexpr const char* kOtherwise =
    ". Or run without it: metrics.carbon_intensity_live: off takes the yearly average of the place";

std::string token_of(const MetricsConfig& config) {
  if (!config.electricity_maps.token.empty()) return config.electricity_maps.token;
  const char* token = std::getenv(kTokenVariable);
  if (token != nullptr && *token != '\0') return token;
  throw EnvironmentError(
      std::string(kLive) +
      "Electricity Maps asks for a token, and there is none: set the environment variable " +
      kTokenVariable + " (a free one is at portal.electricitymaps.com)" + kOtherwise);
}

/// Provinces that are one zone there, which is their ISO 3166-2 code (Newfoundland and Labrador is
/// two).
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kProvinces = {{
    {"alberta", "CA-AB"},
    {"british columbia", "CA-BC"},
    {"manitoba", "CA-MB"},
    {"new brunswick", "CA-NB"},
    {"northwest territories", "CA-NT"},
    {"nova scotia", "CA-NS"},
    {"nunavut", "CA-NU"},
    {"ontario", "CA-ON"},
    {"prince edward island", "CA-PE"},
    {"quebec", "CA-QC"},
    {"saskatchewan", "CA-SK"},
    {"yukon", "CA-YT"},
}};

std::string province_zone(const CarbonRow& row) {
  const std::string name = comparable_name(row.region);
  const auto found = std::ranges::find_if(
      kProvinces, [&name](const auto& province) { return province.first == name; });
  return found == kProvinces.end() ? "" : std::string(found->second);
}

/// The zone of a region, where Electricity Maps and the tables cut a country alike.
std::string region_zone(const CarbonRow& row) {
  if (row.kind != CarbonRow::Kind::kRegion) return "";
  if (row.country_iso2 == "CA") return province_zone(row);
  if (row.country_iso2 == "SE" || row.country_iso2 == "NO") {
    return row.country_iso2 + "-" + row.region;
  }
  return "";
}

std::string zone_of(const MetricsConfig& config) {
  if (!config.carbon_intensity_zone.empty()) return config.carbon_intensity_zone;
  constexpr const char* kGive =
      "give metrics.carbon_intensity_zone, a zone of Electricity Maps (app.electricitymaps.com "
      "shows them on its map) or 'latitude,longitude'";
  if (!config.location_given) {
    throw ConfigError(std::string(kLive) + "no place is named: set metrics.country_iso_code, or " +
                      kGive);
  }
  const CarbonRow* country = find_country(config.country_iso_code);
  if (country == nullptr) {
    throw ConfigError(std::string(kLive) + "no zone is known for '" + config.country_iso_code +
                      "': " + kGive);
  }
  if (config.region.empty()) return country->country_iso2;
  for (const CarbonRow* row : find_regions(config.region)) {
    const std::string zone = region_zone(*row);
    if (row->country_iso3 == country->country_iso3 && !zone.empty()) return zone;
  }
  throw ConfigError(std::string(kLive) + "no zone is known for metrics.region '" + config.region +
                    "' of " + country->country_iso3 + ": " + kGive);
}

/// "lat=…&lon=…" of two numbers with a comma, else "zone=…".
std::string question_of(const std::string& zone) {
  const size_t comma = zone.find(',');
  if (comma == std::string::npos) return "zone=" + percent_encoded(zone);
  char* end = nullptr;
  const std::string latitude = zone.substr(0, comma);
  const std::string longitude = zone.substr(comma + 1);
  const double lat = std::strtod(latitude.c_str(), &end);
  const bool lat_ok = !latitude.empty() && *end == '\0' && std::abs(lat) <= 90;
  const double lon = std::strtod(longitude.c_str(), &end);
  const bool lon_ok = !longitude.empty() && *end == '\0' && std::abs(lon) <= 180;
  if (!lat_ok || !lon_ok) {
    throw ConfigError("metrics.carbon_intensity_zone: '" + zone +
                      "' is neither a zone nor 'latitude,longitude' in degrees");
  }
  return fmt::format("lat={}&lon={}", lat, lon);
}

/// `text` without the token, should a server send it back.
std::string without(std::string text, const std::string& token) {
  for (size_t at = text.find(token); at != std::string::npos; at = text.find(token, at)) {
    text.replace(at, token.size(), "(hidden)");
  }
  return text;
}

/// What an error page says, short.
std::string said(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  for (const char* key : {"error", "message"}) {
    if (json.is_object() && json.contains(key) && json[key].is_string()) return json[key];
  }
  return body.substr(0, std::min(body.find('\n'), kShownBytes));
}

std::string remedy(int status) {
  if (status == 401 || status == 403) {
    return fmt::format("check the token ({}) and that it is for this zone", kTokenVariable);
  }
  if (status == 400 || status == 404) return "check metrics.carbon_intensity_zone";
  if (status == 429) return "too many requests with this token: wait, or use another";
  return "try again later";
}

[[noreturn]] void failed(const std::string& what) {
  throw EnvironmentError(std::string(kLive) + what + kOtherwise);
}

}  // namespace

LiveQuery live_query(const MetricsConfig& config) {
  LiveQuery query;
  query.zone = zone_of(config);
  const std::string question = question_of(query.zone);
  const http::Endpoint endpoint = http::Endpoint::parse(config.electricity_maps.url);
  query.loopback = endpoint.is_loopback();
  if (endpoint.scheme() != "https" && !query.loopback) {
    throw ConfigError("metrics.electricity_maps.url: the token would travel unencrypted to " +
                      endpoint.host() + ": use https");
  }
  query.url = endpoint.root_url(kPage);
  query.url += (query.url.find('?') == std::string::npos ? "?" : "&") + question;
  query.token = token_of(config);
  return query;
}

LiveIntensity fetch_live(const LiveQuery& query) {
  http::ClientOptions options;
  options.timeouts = {kConnectTimeout_ns, 0, kTimeout_ns};
  options.tls = http::tls_options_from_environment();
  options.bypass_proxy = query.loopback;
  options.headers = {"auth-token: " + query.token};
  const http::FetchResult answer = http::Client(options).fetch({query.url, {}, {}});
  const http::Outcome& outcome = answer.outcome;
  if (outcome.error != http::ErrorClass::kNone) {
    failed(without(fmt::format("Electricity Maps did not answer (GET {}: {}): check the network",
                               query.url, outcome.message),
                   query.token));
  }
  if (outcome.status != 200) {
    failed(without(fmt::format("Electricity Maps refused (GET {}: HTTP {} {}): {}", query.url,
                               outcome.status, said(answer.body), remedy(outcome.status)),
                   query.token));
  }
  return parse_live(without(answer.body, query.token));
}

LiveIntensity parse_live(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  const Json value = json.is_object() ? json.value("carbonIntensity", Json()) : Json();
  const Json when = json.is_object() ? json.value("datetime", Json()) : Json();
  const auto time =
      when.is_string() ? parse_timestamp(when.get<std::string>()) : std::optional<Timestamp>();
  if (!value.is_number() || value.get<double>() < 0 || !time) {
    failed("Electricity Maps answered without a carbonIntensity and its datetime: '" +
           body.substr(0, kShownBytes) + "'");
  }
  LiveIntensity live;
  live.g_per_kwh = value.get<double>();
  live.from_ns = time->wall_ns;
  const auto text = [&json](const char* key) {
    const Json found = json.value(key, Json());
    return found.is_string() ? found.get<std::string>() : "";
  };
  live.estimated = json.value("isEstimated", Json()) == true;
  live.zone = text("zone");
  live.basis = text("emissionFactorType");
  return live;
}

double live_uncertainty_g_per_kwh(const LiveIntensity& live, const MetricsConfig& config,
                                  int64_t now_ns) {
  if (const auto percent = config.carbon_intensity_uncertainty_percent) {
    return live.g_per_kwh * *percent / 100;
  }
  const bool stale = now_ns - live.from_ns > kStale_ns;
  return hourly_uncertainty_g_per_kwh(live.g_per_kwh, live.estimated || stale);
}

CarbonSeries between(const LiveIntensity& first, const LiveIntensity& last,
                     const MetricsConfig& config, int64_t from_ns, int64_t to_ns) {
  CarbonSeries series;
  series.file = "Electricity Maps";
  series.rows = 2;
  const int64_t hours = std::max<int64_t>(1, (last.from_ns - first.from_ns) / kHour_ns);
  const double u_first = live_uncertainty_g_per_kwh(first, config, from_ns);
  const double u_last = live_uncertainty_g_per_kwh(last, config, to_ns);
  const double difference = last.g_per_kwh - first.g_per_kwh;
  for (int64_t k = 0; k <= hours; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(hours);
    const bool known = k == 0 || k == hours;
    const double method = u_first + share * (u_last - u_first);
    const int64_t begin = first.from_ns + k * kHour_ns;
    series.intervals.push_back({k == 0 ? std::min(from_ns, begin) : begin, begin + kHour_ns,
                                first.g_per_kwh + share * difference,
                                known ? method : std::hypot(method, difference / 2)});
  }
  CarbonInterval& end = series.intervals.back();
  CarbonInterval& before = series.intervals[series.intervals.size() - 2];
  before.to_ns = end.from_ns = std::max(last.from_ns, before.from_ns + 1);
  end.to_ns = std::max(to_ns, end.from_ns + kHour_ns);
  series.from_ns = series.intervals.front().from_ns;
  series.to_ns = series.intervals.back().to_ns;
  return series;
}

}  // namespace aieb
