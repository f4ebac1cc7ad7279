#include "reporters/html_text.h"

#include <array>
#include <cmath>
#include <utility>

#include "reporters/text_format.h"

namespace aieb {
namespace {

/// From `at_least` on (in `unit`), a value is shown in `shown` after multiplying by `factor`.
struct Scale {
  std::string_view unit;
  double at_least;
  double factor;
  const char* shown;
};
constexpr std::array kScales = {
    Scale{"Wh", 1000, 1e-3, "kWh"},
    Scale{"Wh", 0.01, 1, "Wh"},
    Scale{"Wh", 0, 1e3, "mWh"},
    Scale{"J", 1e6, 1e-6, "MJ"},
    Scale{"J", 1e4, 1e-3, "kJ"},
    Scale{"J", 0.05, 1, "J"},
    Scale{"J", 0, 1e3, "mJ"},
    Scale{"W", 1e4, 1e-3, "kW"},
    Scale{"W", 0.05, 1, "W"},
    Scale{"W", 0, 1e3, "mW"},
    Scale{"g CO2e", 1000, 1e-3, "kg CO2e"},
    Scale{"g CO2e", 0.05, 1, "g CO2e"},
    Scale{"g CO2e", 0, 1e3, "mg CO2e"},
};

/// How a source gets its value, after "GPUs: ".
std::string_view in_words(Source source) {
  switch (source) {
    case Source::kMeasuredCounter:
      return "counted by the hardware";
    case Source::kIntegratedPower:
      return "integrated from power readings";
    case Source::kEstimated:
      return "estimated, not measured";
    case Source::kPartial:
      return "partly estimated or with gaps";
    case Source::kMissing:
      return "not known";
    case Source::kDisabled:
      return "not measured";
  }
  return "not known";
}

std::string prompts_text(const Results& r) {
  const std::string noun = r.total_prompts == 1 ? " prompt" : " prompts";
  if (r.successful_prompts == r.total_prompts) {
    return count_text(r.total_prompts) + noun + (r.total_prompts == 1 ? " was" : " were") +
           " answered";
  }
  return count_text(r.successful_prompts) + " of " + count_text(r.total_prompts) + noun +
         (r.successful_prompts == 1 ? " was" : " were") + " answered";
}

}  // namespace

Quantity readable(const Quantity& quantity) {
  if (!quantity.known() || *quantity.value == 0) return quantity;
  for (const Scale& scale : kScales) {
    if (scale.unit == quantity.unit && std::abs(*quantity.value) >= scale.at_least) {
      return quantity.scaled(scale.factor, scale.shown);
    }
  }
  return quantity;
}

std::string readable_text(const Quantity& quantity) { return to_text(readable(quantity)); }

Json quantity_json(Quantity quantity, std::string_view unit) {
  if (!unit.empty()) quantity.unit = unit;
  const Quantity q = readable(quantity);
  Json out = {{"unit", q.unit}, {"source", to_string(q.source)}};
  if (!q.reason.empty()) out["reason"] = q.reason;
  if (!q.known()) {
    if (q.reason.empty()) out["reason"] = "not observed";
    return out;
  }
  if (q.uncertainty() <= 0) {
    out["value"] = number_text(*q.value);
    return out;
  }
  constexpr std::string_view kPlusMinus = " ± ";
  const std::string text = to_text(q);
  const size_t sign = text.find(kPlusMinus);
  const size_t after = sign + kPlusMinus.size();
  out["value"] = text.substr(0, sign);
  out["uncertainty"] = text.substr(after, text.find(' ', after) - after);
  if (*q.value != 0) out["relative"] = q.uncertainty() / std::abs(*q.value);
  return out;
}

std::string lead_sentence(const Results& r) {
  const std::string what = prompts_text(r) + " in " + duration_text(r.measured_s);
  const Quantity& total = r.measure.total.gross;
  if (r.energy_disabled) return what + ". Energy was not measured: metrics.enabled is false.";
  if (!total.known()) {
    return what + ". What energy that took is not known" +
           (total.reason.empty() ? "." : ": " + total.reason + ".");
  }
  std::string out = what + " and took " + readable_text(total.scaled(1 / kJoulesPerWh, "Wh"));
  if (r.energy_per_output_token.known()) {
    out += ": " + readable_text(r.energy_per_output_token) + " for each output token";
  }
  return out + ".";
}

std::string confidence_sentence(const Results& r) {
  if (r.energy_disabled) return "";
  constexpr std::array<std::pair<Component, const char*>, 3> kNames = {{
      {Component::kGpu, "GPUs"},
      {Component::kCpu, "CPU"},
      {Component::kDram, "memory"},
  }};
  std::string out;
  for (const auto& [component, name] : kNames) {
    const auto found = r.measure.components.find(component);
    if (found == r.measure.components.end()) continue;
    const Quantity& gross = found->second.gross;
    out +=
        (out.empty() ? "" : "; ") + std::string(name) + " " + std::string(in_words(gross.source));
    if (!gross.known() && !gross.reason.empty()) out += " (" + gross.reason + ")";
  }
  return out.empty() ? "" : "Energy of the " + out + ". ± is the 95 % interval.";
}

std::string power_absent_reason(const Results& r) {
  if (r.energy_disabled) return "Energy was not measured: metrics.enabled is false.";
  const std::string& reason = r.measure.total.gross.reason;
  if (!r.measure.total.gross.known()) {
    return "No power was measured" + (reason.empty() ? "." : ": " + reason + ".");
  }
  return "This results document holds no power readings. Report from the trace to draw them.";
}

}  // namespace aieb
