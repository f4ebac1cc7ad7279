#include "analysis/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace aieb {
namespace {

/// Percentile of values[from, end), given that everything before `from` is smaller. Afterwards that
/// holds for the position returned through `from`, so ascending percentiles get ever cheaper.
double percentile_from(std::vector<double>& values, double q, size_t& from) {
  const double position = static_cast<double>(values.size() - 1) * q / 100;
  const auto below = static_cast<size_t>(position);
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin() + static_cast<std::ptrdiff_t>(from), nth, values.end());
  from = below;
  const double fraction = position - static_cast<double>(below);
  if (fraction == 0 || nth + 1 == values.end()) return *nth;
  return *nth + fraction * (*std::min_element(nth + 1, values.end()) - *nth);
}

}  // namespace

double percentile(std::vector<double>& values, double q) {
  size_t from = 0;
  return percentile_from(values, q, from);
}

std::optional<Distribution> summarize(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  Distribution d;
  d.count = static_cast<int64_t>(values.size());
  d.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - d.mean) * (value - d.mean);
  d.std = values.size() > 1 ? std::sqrt(squares / (n - 1)) : 0.0;
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  d.min = *min;
  d.max = *max;
  size_t from = 0;
  d.p50 = percentile_from(values, 50, from);
  d.p90 = percentile_from(values, 90, from);
  d.p95 = percentile_from(values, 95, from);
  d.p99 = percentile_from(values, 99, from);
  d.p999 = percentile_from(values, 99.9, from);
  return d;
}

}  // namespace aieb
