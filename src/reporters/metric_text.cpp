#include "reporters/metric_text.h"

#include <string_view>
#include <variant>

#include "reporters/text_format.h"

namespace aieb {
namespace {

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
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(const Quantity& q) const {
    if (!q.known()) return "";
    return quantity_text(q, unit.empty() ? q.unit : unit) + " (" +
           std::string(to_string(q.source)) + ")";
  }
  std::string operator()(const Distribution& d) const {
    return "p50 " + duration_text(d.p50) + ", p95 " + duration_text(d.p95) + ", p99 " +
           duration_text(d.p99) + ", mean " + duration_text(d.mean);
  }
};

}  // namespace

std::string metric_text(const Metric& metric, const Results& results) {
  return std::visit(ToText{metric.unit}, metric.get(results));
}

}  // namespace aieb
