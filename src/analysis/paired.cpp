#include "analysis/paired.h"

#include <algorithm>
#include <cmath>

#include "analysis/statistics.h"
#include "core/random.h"

namespace aieb {
namespace {

/// Which use of the seed draws the order.
constexpr uint64_t kOrderSeed = 40;

/// Mean of one side's values; `half_width` of Student's interval in the random part. Missing where
/// one is.
Quantity mean_of(const std::vector<Quantity>& values) {
  std::vector<double> numbers;
  double systematic = 0;
  for (const Quantity& q : values) {
    if (!q.known()) return q;
    numbers.push_back(*q.value);
    systematic += q.systematic;
  }
  const auto n = static_cast<double>(numbers.size());
  const Distribution d = *summarize(numbers);
  Quantity out = values.front();
  out.value = d.mean;
  out.systematic = systematic / n;
  out.random = student_t_975(n - 1) * d.std / std::sqrt(n);
  return out;
}

std::vector<Quantity> column(const std::vector<Comparison>& pairs, size_t row,
                             Quantity MetricComparison::* member) {
  std::vector<Quantity> out;
  for (const Comparison& pair : pairs) out.push_back(pair.metrics[row].*member);
  return out;
}

Basis basis_of(const std::vector<Comparison>& pairs, size_t row) {
  Basis out = pairs.front().metrics[row].basis;
  for (const Comparison& pair : pairs) out = common_basis(out, pair.metrics[row].basis);
  return out;
}

/// Appends the lines of `more` that were not said yet.
void add_new(std::vector<std::string>& lines, const std::vector<std::string>& more) {
  for (const std::string& line : more) {
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
  }
}

MetricComparison paired_metric(const std::vector<Comparison>& pairs, size_t row) {
  MetricComparison out = pairs.front().metrics[row];
  out.a = mean_of(column(pairs, row, &MetricComparison::a));
  out.b = mean_of(column(pairs, row, &MetricComparison::b));
  out.difference = mean_of(column(pairs, row, &MetricComparison::difference));
  out.ratio.reset();
  out.verdict = Verdict::kUnknown;
  out.basis = basis_of(pairs, row);
  if (!out.difference.known()) return out;
  if (*out.a.value != 0) out.ratio = *out.b.value / *out.a.value;
  const double uncertainty = out.difference.uncertainty();
  if (uncertainty <= 0) return out;
  out.verdict = std::abs(*out.difference.value) > uncertainty ? Verdict::kDifferent
                                                              : Verdict::kNotDistinguishable;
  return out;
}

}  // namespace

Comparison compare_paired(std::span<const Results> a, std::span<const Results> b) {
  std::vector<Comparison> pairs;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) pairs.push_back(compare(a[i], b[i]));
  Comparison out = pairs.front();
  out.pairs = static_cast<int>(pairs.size());
  for (size_t row = 0; row < out.metrics.size(); ++row) {
    out.metrics[row] = paired_metric(pairs, row);
  }
  for (const Comparison& pair : pairs) {
    out.same_sensors = out.same_sensors && pair.same_sensors;
    out.energy = common_basis(out.energy, pair.energy);
    add_new(out.estimated, pair.estimated);
    add_new(out.not_comparable, pair.not_comparable);
    add_new(out.notes, pair.notes);
  }
  return out;
}

std::vector<bool> paired_order(int pairs, const std::string& order, uint64_t seed) {
  Random random(derived_seed(seed, kOrderSeed));
  std::vector<bool> a_first;
  for (int i = 0; i < pairs; ++i) {
    a_first.push_back(order == "random" ? random.below(2) == 0 : i % 2 == 0);
  }
  return a_first;
}

}  // namespace aieb
