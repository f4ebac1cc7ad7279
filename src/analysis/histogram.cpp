#include "analysis/histogram.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace aieb {
namespace {

constexpr double kSkewed = 20;
constexpr double kFewestBins = 8;
constexpr double kMostBins = 60;

size_t bin_count(size_t values) {
  const double rice = 2 * std::cbrt(static_cast<double>(values));
  return static_cast<size_t>(std::clamp(std::ceil(rice), kFewestBins, kMostBins));
}

bool is_skewed(std::vector<double> sorted_copy) {
  const auto middle = sorted_copy.begin() + static_cast<std::ptrdiff_t>(sorted_copy.size() / 2);
  std::nth_element(sorted_copy.begin(), middle, sorted_copy.end());
  return *middle > 0 && *std::ranges::max_element(sorted_copy) > kSkewed * *middle;
}

std::vector<double> edges_between(double low, double high, size_t bins, bool by_ratio) {
  std::vector<double> edges;
  for (size_t i = 0; i <= bins; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(bins);
    edges.push_back(by_ratio ? low * std::pow(high / low, part) : low + part * (high - low));
  }
  edges.back() = high;
  return edges;
}

}  // namespace

std::optional<Histogram> histogram_of(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  const auto [low, high] = std::ranges::minmax(values);
  if (low == high) return Histogram{{low, high}, {static_cast<int64_t>(values.size())}};
  const bool by_ratio = low > 0 && is_skewed({values.begin(), values.end()});
  Histogram out{edges_between(low, high, bin_count(values.size()), by_ratio), {}};
  out.counts.assign(out.edges.size() - 1, 0);
  for (const double value : values) {
    const auto above = std::upper_bound(out.edges.begin(), out.edges.end(), value);
    const auto bin = std::clamp<std::ptrdiff_t>(above - out.edges.begin() - 1, 0,
                                                static_cast<std::ptrdiff_t>(out.counts.size()) - 1);
    ++out.counts[static_cast<size_t>(bin)];
  }
  return out;
}

}  // namespace aieb
