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

}  // namespace

std::string comparison_text(const Results& a, const Results& b, const Comparison& comparison,
                            const TerminalStyle& style) {
  std::string out = run_line("A", a, style) + run_line("B", b, style) + "\n";
  TextTable table({"", "A", "B", "B − A", "change", "differ?"});
  for (const MetricComparison& m : comparison.metrics) {
    const bool ms = better_in_ms(m);
    table.add({m.label, value_text(m.a, ms), value_text(m.b, ms), value_text(m.difference, ms),
               change_text(m), verdict_text(m.verdict)});
  }
  out += table.text();
  out += "\nyes: larger than its uncertainty (95 %). not shown: may be chance.\n";
  if (comparison.pairs > 0) {
    out += fmt::format(
        "Means of {} pairs of runs measured in turn; B − A is the mean over the "
        "pairs.\n",
        comparison.pairs);
  }
  out += comparison.same_sensors
             ? "Measured by the same sensors: what they are off by cancels largely.\n"
             : "Measured by different sensors: their errors count in full.\n";
  for (const std::string& reason : comparison.not_comparable) {
    out += toned("warning: ", Tone::kWarning, style) + reason + "\n";
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
                       {"verdict", to_string(m.verdict)}});
  }
  return {{"a", run_title(a)},
          {"b", run_title(b)},
          {"same_sensors", comparison.same_sensors},
          {"pairs", comparison.pairs},
          {"not_comparable", comparison.not_comparable},
          {"metrics", metrics}};
}

}  // namespace aieb::cli
