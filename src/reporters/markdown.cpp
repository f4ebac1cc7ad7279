#include "reporters/markdown.h"

#include <string_view>
#include <variant>

#include "reporters/metric_table.h"
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

/// A metric's value for people; empty when unknown.
struct ToText {
  std::string_view unit;

  [[nodiscard]] std::string with_unit(const std::string& number) const {
    return unit.empty() ? number : number + " " + std::string(unit);
  }
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(bool flag) const { return flag ? "yes" : "no"; }
  std::string operator()(int64_t count) const { return count_text(count); }
  std::string operator()(double value) const {
    return unit == "s" ? duration_text(value) : with_unit(number_text(value));
  }
  std::string operator()(const std::string& text) const { return cell(text); }
  std::string operator()(const Quantity& q) const {
    if (!q.known()) return "";
    return quantity_text(q, unit) + " (" + std::string(to_string(q.source)) + ")";
  }
  std::string operator()(const Distribution& d) const {
    return "p50 " + duration_text(d.p50) + ", p95 " + duration_text(d.p95) + ", p99 " +
           duration_text(d.p99) + ", mean " + duration_text(d.mean);
  }
};

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

}  // namespace

std::string markdown_report(const Results& results) {
  std::string out = "# " + results.name + "\n\n| Metric | Value |\n|---|---|\n";
  for (const Metric& metric : metric_table()) {
    const std::string value = std::visit(ToText{metric.unit}, metric.get(results));
    if (!value.empty()) out += "| " + std::string(metric.label) + " | " + value + " |\n";
  }
  if (!results.warnings.empty()) out += "\n## Warnings\n\n";
  for (const std::string& warning : results.warnings) out += "- " + warning + "\n";
  const std::string missing = missing_lines(results);
  if (!missing.empty()) out += "\n## Unknown\n\n" + missing;
  return out;
}

}  // namespace aieb
