#include "reporters/markdown.h"

#include <string_view>
#include <variant>

#include "core/clock.h"
#include "reporters/html_text.h"
#include "reporters/interval_text.h"
#include "reporters/metric_table.h"
#include "reporters/metric_text.h"
#include "reporters/text_format.h"

namespace aieb {
namespace {

/// Characters with a meaning in a table cell are escaped.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string missing_lines(const Results& results) {
  std::string out;
  for (const Metric& metric : metric_table()) {
    if (metric.kind != MetricKind::kQuantity) continue;
    const Quantity q = std::get<Quantity>(metric.get(results));
    if (q.known() || q.reason.empty()) continue;
    out += "- " + std::string(metric.label) + ": " + q.reason + "\n";
  }
  return out;
}

std::string interval_lines(const Results& results) {
  if (results.intervals.empty()) return "";
  std::string out = "\n## 95 % intervals\n\n| Mean | Value | From |\n|---|---|---|\n";
  for (const MetricInterval& interval : results.intervals) {
    out += "| " + interval.label + " | " + interval_text(interval) + " | " +
           interval_basis(interval) + " |\n";
  }
  return out;
}

std::string repeat_lines(const Results& results) {
  if (results.repeats.size() < 2) return "";
  std::string out =
      "\n## Repeats\n\n| # | Measured | Prompts | Energy | Per output token | Tokens/s | Flags |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const RepeatResult& r : results.repeats) {
    const auto speed = r.output_tokens_per_s;
    out += "| " + std::to_string(r.repeat + 1) + " | " + duration_text(r.duration_s) + " | " +
           count_text(r.successful_prompts) + " | " +
           cell(readable_text(r.energy.scaled(1 / kJoulesPerWh, "Wh"))) + " | " +
           cell(readable_text(r.energy_per_output_token)) + " | " +
           (speed ? number_text(*speed) : "unknown") + " | " + flag_kinds(r) + " |\n";
  }
  return out;
}

}  // namespace

std::string markdown_report(const Results& results) {
  std::string out = "# " + results.name + "\n\n| Metric | Value |\n|---|---|\n";
  for (const Metric& metric : metric_table()) {
    const std::string value = cell(metric_text(metric, results));
    if (!value.empty()) out += "| " + std::string(metric.label) + " | " + value + " |\n";
  }
  out += interval_lines(results) + repeat_lines(results);
  if (!results.warnings.empty()) out += "\n## Warnings\n\n";
  for (const std::string& warning : results.warnings) out += "- " + warning + "\n";
  const std::string missing = missing_lines(results);
  if (!missing.empty()) out += "\n## Unknown\n\n" + missing;
  return out;
}

}  // namespace aieb
