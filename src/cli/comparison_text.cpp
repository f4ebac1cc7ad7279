#include "cli/comparison_text.h"

#include <fmt/format.h>

#include "cli/text_table.h"
#include "core/clock.h"
#include "reporters/text_format.h"

namespace aieb::cli {
namespace {

/// Seconds below 1 as milliseconds, for narrower columns. Without "±" where nobody knows how sure
/// the value is.
std::string value_text(const Quantity& q, bool in_ms) {
  if (!q.known()) return "unknown";
  if (in_ms) return value_text(q.scaled(1e3, "ms"), false);
  return q.uncertainty() > 0 ? to_text(q) : number_text(*q.value) + " " + q.unit;
}

bool better_in_ms(const MetricComparison& m) {
  return m.a.unit == "s" && m.a.value.value_or(1) < 1 && m.b.value.value_or(1) < 1;
}

/// "−7.6 %" of the ratio b / a.
std::string change_text(const MetricComparison& m) {
  return m.ratio ? fmt::format("{:+.1f} %", (*m.ratio - 1) * 100) : "-";
}

/// Whether the runs differ, in a word for the last column.
std::string verdict_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::kDifferent:
      return "yes";
    case Verdict::kNotDistinguishable:
      return "not shown";
    case Verdict::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string run_line(const char* name, const Results& r, const TerminalStyle& style) {
  return toned(name, Tone::kBold, style) + "  " + r.name + "  " + r.model + "  " + r.backend +
         "  " + iso_local(r.started_wall_ns) + "\n";
}

std::string run_title(const Results& r) { return r.run_id.empty() ? r.name : r.run_id; }

/// How the errors of the sensors count; empty where no sensor measured the energy of both.
std::string sensor_line(const Comparison& comparison) {
  if (!has_measurement(comparison.energy)) return "";
  return comparison.same_sensors
             ? "Measured by the same sensors: what they are off by cancels largely.\n"
             : "Measured by different sensors: their errors count in full.\n";
}

}  // namespace

std::string row_label(const std::string& label, Basis basis) {
  const bool by_a_model = basis == Basis::kEstimated || basis == Basis::kPartlyEstimated;
  return by_a_model ? label + ", " + std::string(to_string(basis)) : label;
}

std::string pairs_text(const Comparison& comparison) {
  if (comparison.pairs == 0) return "";
  const std::string order = joined(comparison.order, ", ");
  return fmt::format("{} pairs of runs measured in turn{}", comparison.pairs,
                     order.empty() ? "" : " (" + order + ")");
}

std::string comparison_text(const Results& a, const Results& b, const Comparison& comparison,
                            const TerminalStyle& style) {
  std::string out = run_line("A", a, style) + run_line("B", b, style) + "\n";
  TextTable table({"", "A", "B", "B − A", "change", "differ?"});
  for (const MetricComparison& m : comparison.metrics) {
    const bool ms = better_in_ms(m);
    table.add({row_label(m.label, m.basis), value_text(m.a, ms), value_text(m.b, ms),
               value_text(m.difference, ms), change_text(m), verdict_text(m.verdict)});
  }
  out += table.text();
  out += "\nyes: larger than its uncertainty (95 %). not shown: may be chance.\n";
  if (comparison.pairs > 0) {
    out += "Means of " + pairs_text(comparison) + "; B − A is the mean over the pairs.\n";
  }
  out += sensor_line(comparison);
  for (const auto* lines : {&comparison.not_comparable, &comparison.notes}) {
    for (const std::string& line : *lines) {
      out += toned("warning: ", Tone::kWarning, style) + line + "\n";
    }
  }
  return out;
}

Json comparison_json(const Results& a, const Results& b, const Comparison& comparison) {
  Json metrics = Json::array();
  for (const MetricComparison& m : comparison.metrics) {
    metrics.push_back({{"key", m.key},
                       {"label", m.label},
                       {"a", to_json(m.a)},
                       {"b", to_json(m.b)},
                       {"difference", to_json(m.difference)},
                       {"ratio", m.ratio ? Json(*m.ratio) : Json(nullptr)},
                       {"verdict", to_string(m.verdict)},
                       {"source", to_string(m.basis)}});
  }
  return {{"a", run_title(a)},
          {"b", run_title(b)},
          {"same_sensors",
           has_measurement(comparison.energy) ? Json(comparison.same_sensors) : Json(nullptr)},
          {"pairs", comparison.pairs},
          {"order", comparison.order},
          {"not_comparable", comparison.not_comparable},
          {"notes", comparison.notes},
          {"metrics", metrics}};
}

}  // namespace aieb::cli
