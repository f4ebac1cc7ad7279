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

/// Continued fraction of the incomplete beta function, by Lentz' method (Numerical methods:
/// Abramowitz and Stegun 26.5.8).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto kept = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1;
  double d = 1 / kept(1 - (a + b) * x / (a + 1));
  double sum = d;
  for (int m = 1; m < 300; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / kept(1 + even * d);
    c = kept(1 + even / c);
    sum *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / kept(1 + odd * d);
    c = kept(1 + odd / c);
    sum *= d * c;
    if (std::abs(d * c - 1) < 1e-12) break;
  }
  return sum;
}

/// Regularized incomplete beta function.
double incomplete_beta(double a, double b, double x) {
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/// Probability that |t| is larger (Abramowitz and Stegun 26.7.1).
double two_sided_tail(double t, double dof) {
  return incomplete_beta(dof / 2, 0.5, dof / (dof + t * t));
}

}  // namespace

std::optional<double> coefficient_of_variation(std::span<const double> values) {
  const auto summary = summarize({values.begin(), values.end()});
  if (!summary || summary->count < 2 || summary->mean == 0) return std::nullopt;
  return summary->std / std::abs(summary->mean);
}

double median(std::vector<double> values) { return percentile(values, 50); }

double student_t_975(double dof) {
  constexpr double kNormal = 1.959963984540054;
  if (dof > 1e6) return kNormal;
  double low = kNormal;
  double high = kNormal;
  while (two_sided_tail(high, dof) > 0.05 && high < 1e9) high *= 2;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (two_sided_tail(middle, dof) > 0.05 ? low : high) = middle;
  }
  return (low + high) / 2;
}

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
