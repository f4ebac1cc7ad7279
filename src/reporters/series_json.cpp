#include "reporters/series_json.h"

#include <cmath>

namespace aieb {
namespace {

constexpr double kTimeStepsPerS = 1e4;
constexpr int kPowerDigits = 6;

}  // namespace

double rounded(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double magnitude = std::floor(std::log10(std::abs(value)));
  const double places = static_cast<double>(digits) - 1 - magnitude;
  // Dividing by a whole power of ten keeps the text short; multiplying by 0.1… would not.
  const double scale = std::pow(10.0, std::abs(places));
  return places >= 0 ? std::round(value * scale) / scale : std::round(value / scale) * scale;
}

Json power_json(const std::vector<PowerSeries>& power) {
  Json out = Json::array();
  for (const PowerSeries& series : power) {
    Json times = Json::array();
    Json powers = Json::array();
    for (const double t : series.t_s) {
      times.push_back(std::round(t * kTimeStepsPerS) / kTimeStepsPerS);
    }
    for (const double p : series.power_w) powers.push_back(rounded(p, kPowerDigits));
    out.push_back({{"domain", series.domain},
                   {"component", to_string(series.component)},
                   {"index", series.index},
                   {"kind", series.kind},
                   {"t_s", std::move(times)},
                   {"power_w", std::move(powers)}});
  }
  return out;
}

std::vector<PowerSeries> power_from(const Json& json) {
  std::vector<PowerSeries> out;
  for (const Json& series : json) {
    const auto component = component_from(series.at("component").get<std::string>());
    if (!component) continue;
    out.push_back({series.at("domain").get<std::string>(), *component,
                   series.at("index").get<int>(), series.at("kind").get<std::string>(),
                   series.at("t_s").get<std::vector<double>>(),
                   series.at("power_w").get<std::vector<double>>()});
  }
  return out;
}

Json histograms_json(const std::map<std::string, Histogram>& histograms) {
  Json out = Json::object();
  for (const auto& [key, histogram] : histograms) {
    out[key] = {{"edges", histogram.edges}, {"counts", histogram.counts}};
  }
  return out;
}

std::map<std::string, Histogram> histograms_from(const Json& json) {
  std::map<std::string, Histogram> out;
  for (const auto& [key, histogram] : json.items()) {
    out[key] = {histogram.at("edges").get<std::vector<double>>(),
                histogram.at("counts").get<std::vector<int64_t>>()};
  }
  return out;
}

}  // namespace aieb
