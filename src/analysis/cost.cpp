#include "analysis/cost.h"

#include <optional>
#include <string>
#include <vector>

namespace aieb {
namespace {

constexpr double kJoulesPerKwh = 1000 * kJoulesPerWh;
constexpr double kSecondsPerHour = 3600;

Json price_of(const Results& results) {
  const Json metrics = results.config.value("metrics", Json::object());
  return metrics.is_object() ? metrics.value("price", Json::object()) : Json::object();
}

std::optional<double> number_at(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_number()) return std::nullopt;
  return object[key].get<double>();
}

std::string currency_of(const Json& price) {
  const bool given = price.is_object() && price.contains("currency");
  return given && price["currency"].is_string() ? price["currency"].get<std::string>() : "USD";
}

Quantity unpriced(const std::string& currency, const char* key) {
  return Quantity::missing(currency, std::string("no price is set (metrics.price.") + key + ")");
}

Quantity gpu_time_cost(const Results& r, double per_gpu_hour, const std::string& currency) {
  if (r.gpus.empty()) return Quantity::missing(currency, "no GPU was measured");
  Quantity out = Quantity::missing(currency, "");
  out.value = static_cast<double>(r.gpus.size()) * r.measured_s / kSecondsPerHour * per_gpu_hour;
  out.source = Source::kMeasuredCounter;
  return out;
}

}  // namespace

Cost cost_of(const Results& r) {
  const Json price = price_of(r);
  const std::string currency = currency_of(price);
  Cost cost{unpriced(currency, "per_kwh"),
            unpriced(currency, "per_gpu_hour"),
            unpriced(currency, "per_kwh, per_gpu_hour"),
            {}};
  std::vector<Quantity> priced;
  if (const auto per_kwh = number_at(price, "per_kwh")) {
    const double pue = r.carbon ? r.carbon->pue : 1.0;
    cost.energy = r.measure.total.gross.scaled(pue * *per_kwh / kJoulesPerKwh, currency);
    priced.push_back(cost.energy);
  }
  if (const auto per_gpu_hour = number_at(price, "per_gpu_hour")) {
    cost.gpu_time = gpu_time_cost(r, *per_gpu_hour, currency);
    priced.push_back(cost.gpu_time);
  }
  if (!priced.empty()) cost.total = sum_independent(priced);
  cost.per_1000_prompts = cost.total;
  if (cost.total.known()) {
    cost.per_1000_prompts =
        r.successful_prompts > 0
            ? cost.total.scaled(1000 / static_cast<double>(r.successful_prompts), currency)
            : Quantity::missing(currency, "no request was successful");
  }
  return cost;
}

}  // namespace aieb
