#include "reporters/markdown.h"

#include <string_view>
#include <variant>

#include "core/clock.h"
#include "reporters/embodied_text.h"
#include "reporters/html_text.h"
#include "reporters/interval_text.h"
#include "reporters/metric_table.h"
#include "reporters/metric_text.h"
#include "reporters/server_report.h"
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

std::string embodied_lines(const Results& results) {
  if (results.embodied_parts.empty()) return "";
  std::string out =
      "\n## Embodied emissions\n\nOf making the devices; beside the emissions, never part of "
      "them.\n\n| Devices | Emissions |\n|---|---|\n";
  for (const EmbodiedPart& part : results.embodied_parts) {
    out += "| " + cell(embodied_text(part)) + " | " + cell(readable_text(part.emissions)) + " |\n";
  }
  return out;
}

std::string server_section(const Results& results) {
  const std::vector<ServerRow> rows = server_rows(results);
  if (rows.empty()) return "";
  std::string out = "\n## What the server says\n\n| " + cell(server_of(results)->engine) +
                    " | Value | |\n|---|---|---|\n";
  for (const ServerRow& row : rows) {
    out += "| " + cell(row.label) + " | " + cell(row.value) + " | " + cell(row.note) + " |\n";
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
  out += embodied_lines(results) + server_section(results);
  if (!results.warnings.empty()) out += "\n## Warnings\n\n";
  for (const std::string& warning : results.warnings) out += "- " + warning + "\n";
  const std::string missing = missing_lines(results);
  if (!missing.empty()) out += "\n## Unknown\n\n" + missing;
  return out;
}

}  // namespace aieb
