#include "analysis/marginal.h"

#include <optional>
#include <set>

#include "analysis/compare.h"

namespace aieb {
namespace {

constexpr const char* kUnit = "J";

/// A stretch of a run at one load.
struct Stretch {
  const WindowEnergy* energy;
  std::optional<double> tokens_per_s;

  [[nodiscard]] bool usable() const { return tokens_per_s && energy->duration_s > 0; }
};

Stretch whole(const Results& r) { return {&r.measure, r.output_tokens_per_s}; }

std::optional<Stretch> steady(const Results& r) {
  if (!r.steady_state) return std::nullopt;
  const Stretch out{&r.steady_state->energy, r.steady_state->output_tokens_per_s};
  return out.usable() ? std::optional(out) : std::nullopt;
}

std::set<Component> measured_components(const WindowEnergy& energy) {
  std::set<Component> out;
  for (const auto& [component, part] : energy.components) {
    if (part.gross.known()) out.insert(component);
  }
  return out;
}

Quantity marginal(const Stretch& lower, const Stretch& higher, bool same_sensors) {
  if (!lower.usable() || !higher.usable()) {
    return Quantity::missing(kUnit, "the output tokens of one of the loads are not known");
  }
  if (measured_components(*lower.energy) != measured_components(*higher.energy)) {
    return Quantity::missing(kUnit, "the two loads were not measured by the same components");
  }
  const double more_tokens_per_s = *higher.tokens_per_s - *lower.tokens_per_s;
  if (more_tokens_per_s <= 0) {
    return Quantity::missing(kUnit, "the higher load made no more tokens per second");
  }
  const Quantity power =
      energy_difference(*lower.energy, 1 / lower.energy->duration_s, *higher.energy,
                        1 / higher.energy->duration_s, {.unit = "W", .same_sensors = same_sensors});
  if (!power.known()) return Quantity::missing(kUnit, power.reason);
  return power.scaled(1 / more_tokens_per_s, kUnit);
}

}  // namespace

Quantity marginal_energy_per_token(const Results& lower, const Results& higher) {
  const bool same_sensors = same_host(lower, higher);
  const auto steady_lower = steady(lower);
  const auto steady_higher = steady(higher);
  if (steady_lower && steady_higher) return marginal(*steady_lower, *steady_higher, same_sensors);
  return marginal(whole(lower), whole(higher), same_sensors);
}

}  // namespace aieb
