#include "reporters/csv.h"

#include <iterator>
#include <utility>
#include <vector>

#include "reporters/csv_format.h"
#include "reporters/gpu_stats.h"
#include "reporters/metric_table.h"

namespace aieb {
namespace {

/// Nested objects become columns joined by "_", as the reference flattens its results.
std::vector<Field> gpu_columns(const Results& results) {
  std::vector<Field> out;
  const Json gpus = gpu_stats_json(results.gpus);
  for (const auto& [gpu, stats] : gpus.items()) {
    for (const auto& [key, value] : stats.items()) {
      out.push_back({"gpu_stats_" + gpu + "_" + key, value});
    }
  }
  return out;
}

void append(std::vector<Field>& to, std::vector<Field> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

std::string csv_report(const Results& results) {
  std::vector<Field> columns;
  std::vector<Field> own;
  for (const Metric& metric : metric_table()) {
    std::vector<Field> all = fields(metric, metric.csv, results);
    if (metric.reference) {
      columns.push_back(std::move(all.front()));
      all.erase(all.begin());
    }
    append(own, std::move(all));
  }
  append(columns, gpu_columns(results));
  append(columns, std::move(own));
  return csv_table(columns);
}

}  // namespace aieb
