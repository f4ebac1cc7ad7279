#include "analysis/footprint.h"

#include <cmath>

namespace aieb {
namespace {

constexpr double kJoulesPerKwh = 1000 * kJoulesPerWh;

}  // namespace

Quantity emissions_of(const Quantity& energy_j, const CarbonFactor& factor) {
  const double per_joule = factor.pue / kJoulesPerKwh;
  Quantity out = energy_j.scaled(per_joule * factor.g_per_kwh, "g");
  if (out.known()) {
    out.systematic =
        std::hypot(out.systematic, *energy_j.value * per_joule * factor.uncertainty_g_per_kwh);
  }
  return out;
}

Quantity water_of(const Quantity& energy_j, const CarbonFactor& factor) {
  if (factor.wue_l_per_kwh <= 0) {
    return Quantity::missing("L", "no water usage effectiveness given (metrics.wue_l_per_kwh)");
  }
  return energy_j.scaled(factor.wue_l_per_kwh / kJoulesPerKwh, "L");
}

Quantity per_count(const Quantity& energy_j, std::optional<int64_t> count,
                   const std::string& reason) {
  if (energy_j.known() && count.value_or(0) <= 0) return Quantity::missing("J", reason);
  if (!energy_j.known()) return energy_j;
  return energy_j.scaled(1 / static_cast<double>(*count), "J");
}

}  // namespace aieb
