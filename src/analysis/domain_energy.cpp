#include "analysis/domain_energy.h"

#include <algorithm>
#include <cmath>

namespace aieb {
namespace {

Source source_of(DomainKind kind) {
  switch (kind) {
    case DomainKind::kCounter:
      return Source::kMeasuredCounter;
    case DomainKind::kGauge:
      return Source::kIntegratedPower;
    case DomainKind::kEstimate:
      return Source::kEstimated;
  }
  return Source::kEstimated;
}

/// Times of edges went through seconds in between.
constexpr int64_t kSameTime_ns = 100;

const EdgeError* find_edge(const std::vector<EdgeError>& edges, int64_t t_ns) {
  const auto it = std::lower_bound(edges.begin(), edges.end(), t_ns - kSameTime_ns,
                                   [](const EdgeError& e, int64_t t) { return e.t_ns < t; });
  return it != edges.end() && it->t_ns <= t_ns + kSameTime_ns ? &*it : nullptr;
}

/// Variance between readings from the beginning up to t, in proportion within an interval.
double variance_up_to(const DomainEnergy& domain, int64_t t_ns) {
  const auto& ends = domain.interval_ends_ns;
  if (ends.size() < 2) return 0;
  const auto after = std::upper_bound(ends.begin(), ends.end(), t_ns);
  if (after == ends.begin()) return 0;
  if (after == ends.end()) return domain.variance_until.back();
  const auto i = static_cast<size_t>(after - ends.begin());
  const double fraction =
      static_cast<double>(t_ns - ends[i - 1]) / static_cast<double>(ends[i] - ends[i - 1]);
  return domain.variance_until[i - 1] +
         fraction * (domain.variance_until[i] - domain.variance_until[i - 1]);
}

double break_variance(const DomainEnergy& domain, const TimeSpan& window) {
  double variance = 0;
  for (const Break& b : domain.breaks) {
    if (b.to_ns > window.start_ns && b.from_ns < window.end_ns) variance += b.sigma_j * b.sigma_j;
  }
  return variance;
}

}  // namespace

double systematic_above_idle(DomainKind kind, double gross, double idle_share) {
  return kind == DomainKind::kEstimate ? std::hypot(gross, idle_share)
                                       : std::abs(gross - idle_share);
}

Quantity DomainEnergy::energy(const TimeSpan& window) const {
  if (!unusable.empty()) return Quantity::missing("J", unusable);
  Quantity out;
  out.unit = "J";
  out.source = source_of(domain.kind);
  out.value = curve.between(window.start_ns, window.end_ns);
  double variance = variance_within(window);
  if (const EdgeError* edge = find_edge(edges, window.start_ns)) variance += edge->variance_after;
  if (const EdgeError* edge = find_edge(edges, window.end_ns)) variance += edge->variance_before;
  out.random = 2 * std::sqrt(variance);
  out.systematic = domain.gain_uncertainty * std::abs(*out.value);
  return out;
}

double DomainEnergy::variance_at(int64_t t_ns, bool begins) const {
  const EdgeError* edge = find_edge(edges, t_ns);
  if (edge == nullptr) return loose.variance(t_ns, begins);
  return begins ? edge->variance_after : edge->variance_before;
}

double DomainEnergy::variance_within(const TimeSpan& span) const {
  const double between = variance_up_to(*this, span.end_ns) - variance_up_to(*this, span.start_ns);
  return std::max(0.0, between) + break_variance(*this, span);
}

std::vector<int64_t> standing_alone(std::span<const int64_t> load_changes,
                                    std::span<const int64_t> edges, int64_t apart_ns) {
  std::vector<int64_t> alone;
  for (size_t i = 0; i < load_changes.size(); ++i) {
    const int64_t t = load_changes[i];
    if (i > 0 && t - load_changes[i - 1] < apart_ns) continue;
    if (i + 1 < load_changes.size() && load_changes[i + 1] - t < apart_ns) continue;
    const auto next = std::lower_bound(edges.begin(), edges.end(), t - apart_ns + 1);
    if (next != edges.end() && *next < t + apart_ns) continue;
    alone.push_back(t);
  }
  return alone;
}

}  // namespace aieb
