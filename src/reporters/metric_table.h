#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json.h"
#include "core/quantity.h"
#include "core/results.h"

namespace aieb {

/// The value of a metric in one run; monostate is "unknown".
using MetricValue =
    std::variant<std::monostate, bool, int64_t, double, std::string, Quantity, Distribution>;

enum class MetricKind {
  kText,
  kFlag,
  kCount,
  kNumber,
  kQuantity,      ///< becomes three fields: the value, `<name>_uncertainty`, `<name>_source`
  kDistribution,  ///< becomes an object in JSON and `<name>_mean`, `<name>_p50` … in CSV
};

/// One row of the table that feeds every reporter. A new metric is a new row, and nothing else.
struct Metric {
  std::string_view key;    ///< in the JSON summary
  std::string_view csv;    ///< name of the CSV column; differs from `key` only in the reference's
  std::string_view label;  ///< for people
  std::string_view unit;   ///< empty for text and counts, and for money: the quantity has it
  MetricKind kind;
  bool reference;  ///< a column of the reference's CSV, which come first and in its order
  std::string_view description;
  MetricValue (*get)(const Results&);
};

std::span<const Metric> metric_table();

/// The row with this key. Throws std::out_of_range for a key that is not in the table.
const Metric& metric(std::string_view key);

/// The statistics of a distribution, in the order in which they are written.
struct Statistic {
  std::string_view name;
  double (*get)(const Distribution&);
};
std::span<const Statistic> statistics();

/// A metric as flat, named scalars; null is unknown.
struct Field {
  std::string name;
  Json value;
};

/// The fields of `metric` in `results`, named after `name` (its `key` or its `csv`). The number and
/// the names of the fields depend on the metric alone; the first one carries the value.
std::vector<Field> fields(const Metric& metric, std::string_view name, const Results& results);

}  // namespace aieb
