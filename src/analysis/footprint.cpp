#include "analysis/footprint.h"

#include <cmath>

namespace aieb {
namespace {

constexpr double kJoulesPerKwh = 1000 * kJoulesPerWh;
constexpr double kSecondsPerHour = 3600;
constexpr double kPercent = 0.01;

/// Standard-size relative part of a factor that is not 0.
double relative(double uncertainty, double value) { return value > 0 ? uncertainty / value : 0; }

}  // namespace

Quantity emissions_of(const Quantity& energy_j, const CarbonFactor& factor) {
  if (!factor.unknown.empty() && energy_j.known()) return Quantity::missing("g", factor.unknown);
  const double per_joule = factor.pue / kJoulesPerKwh;
  Quantity out = energy_j.scaled(per_joule * factor.g_per_kwh, "g");
  if (out.known()) {
    const double grid = *energy_j.value * per_joule * factor.uncertainty_g_per_kwh;
    const double building = *out.value * relative(factor.pue_uncertainty, factor.pue);
    out.systematic = std::hypot(out.systematic, grid, building);
  }
  return out;
}

Quantity water_of(const Quantity& energy_j, const CarbonFactor& factor) {
  if (factor.wue_l_per_kwh <= 0) {
    return Quantity::missing("L", "no water usage effectiveness given (metrics.wue_l_per_kwh)");
  }
  Quantity out = energy_j.scaled(factor.wue_l_per_kwh / kJoulesPerKwh, "L");
  if (out.known()) {
    out.systematic =
        std::hypot(out.systematic,
                   *out.value * relative(factor.wue_uncertainty_l_per_kwh, factor.wue_l_per_kwh));
  }
  return out;
}

std::vector<EmbodiedPart> embodied_of(const CarbonFactor& factor, double measured_s, size_t gpus) {
  std::vector<EmbodiedPart> parts;
  for (const EmbodiedItem& item : factor.embodied) {
    EmbodiedPart part{item, Quantity::missing("g", "")};
    if (!item.devices && gpus == 0) {
      part.emissions.reason = "no GPU was measured: state metrics.embodied's devices";
    } else {
      const double devices = item.devices.value_or(static_cast<double>(gpus));
      part.item.devices = devices;
      part.emissions.value = devices * item.g_per_hour * measured_s / kSecondsPerHour;
      part.emissions.source = Source::kEstimated;
      part.emissions.systematic =
          *part.emissions.value * kPercent * item.uncertainty_percent.value_or(0);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

Quantity embodied_total(const std::vector<EmbodiedPart>& parts) {
  if (parts.empty()) return Quantity::missing("g", "not asked for (metrics.embodied)");
  std::vector<Quantity> emissions;
  for (const EmbodiedPart& part : parts) emissions.push_back(part.emissions);
  return sum_correlated(emissions);
}

Quantity per_count(const Quantity& energy_j, std::optional<int64_t> count,
                   const std::string& reason) {
  if (energy_j.known() && count.value_or(0) <= 0) return Quantity::missing("J", reason);
  if (!energy_j.known()) return energy_j;
  return energy_j.scaled(1 / static_cast<double>(*count), "J");
}

}  // namespace aieb
