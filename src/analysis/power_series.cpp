#include "analysis/power_series.h"

#include <algorithm>

#include "core/clock.h"

namespace aieb {
namespace {

/// Shorter spans, as between a reading and the edge of a phase, join the next one: rounding of
/// their energy would show as a peak.
constexpr int64_t kShortestSpanNs = 1'000'000;

struct Point {
  double t_s;
  double power_w;
};

/// Mean power between consecutive points of the curve, at the middle of the span.
std::vector<Point> powers_of(const EnergyCurve& curve, int64_t origin_ns, int64_t end_ns) {
  std::vector<Point> out;
  if (curve.empty()) return out;
  const auto& times = curve.times_ns();
  const auto& energy = curve.energy_j();
  size_t begin = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    const int64_t span = times[i] - times[begin];
    if (span < kShortestSpanNs) continue;
    const int64_t middle = times[begin] + span / 2;
    if (middle >= origin_ns && middle <= end_ns) {
      out.push_back({seconds(middle - origin_ns), (energy[i] - energy[begin]) / seconds(span)});
    }
    begin = i;
  }
  return out;
}

void keep_extremes(std::vector<Point>::const_iterator begin, std::vector<Point>::const_iterator end,
                   std::vector<Point>& out) {
  const auto by_power = [](const Point& a, const Point& b) { return a.power_w < b.power_w; };
  const auto [low, high] = std::minmax_element(begin, end, by_power);
  out.push_back(*std::min(low, high));
  if (low != high) out.push_back(*std::max(low, high));
}

std::vector<Point> thinned(std::vector<Point> points) {
  if (points.size() <= kPowerPoints) return points;
  constexpr size_t kPieces = kPowerPoints / 2;
  const double first = points.front().t_s;
  const double length = (points.back().t_s - first) / static_cast<double>(kPieces);
  std::vector<Point> out;
  auto begin = points.cbegin();
  for (size_t piece = 1; piece <= kPieces && begin != points.cend(); ++piece) {
    const double until = first + length * static_cast<double>(piece);
    auto end = piece == kPieces ? points.cend()
                                : std::find_if(begin, points.cend(),
                                               [until](const Point& p) { return p.t_s >= until; });
    if (begin != end) keep_extremes(begin, end, out);
    begin = end;
  }
  return out;
}

}  // namespace

std::vector<PowerSeries> power_series(const EnergySources& sources, int64_t origin_ns,
                                      int64_t end_ns) {
  std::vector<PowerSeries> out;
  for (const DomainEnergy& source : sources.chosen) {
    PowerSeries series;
    series.domain = label_of(source.domain);
    series.component = source.domain.component;
    series.index = source.domain.index;
    series.kind = to_string(source.domain.kind);
    for (const Point& p : thinned(powers_of(source.curve, origin_ns, end_ns))) {
      series.t_s.push_back(p.t_s);
      series.power_w.push_back(p.power_w);
    }
    if (!series.t_s.empty()) out.push_back(std::move(series));
  }
  return out;
}

}  // namespace aieb
