#include "analysis/intensity.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/token_energy.h"
#include "analysis/wall_clock.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// The part of `window` within an interval, in the trace's time; empty where they do not meet.
TimeSpan overlap(const Trace& trace, const TimeSpan& window, const CarbonInterval& interval) {
  return {std::max(window.start_ns, mono_time(trace, interval.from_ns)),
          std::min(window.end_ns, mono_time(trace, interval.to_ns))};
}

/// Of the domains of the total; the length of the part in s where there are none.
IntervalEnergy energy_within(const CarbonInterval& interval, std::span<const TimeSpan> parts,
                             const EnergySources& sources, const WindowEnergy& energy) {
  IntervalEnergy out{interval, 0, 0};
  double time_s = 0;
  double variance = 0;
  for (const TimeSpan& part : parts) time_s += seconds(part.end_ns - part.start_ns);
  for (const std::vector<size_t>& group : read_together(sources.chosen)) {
    double sigma = 0;
    for (const size_t d : group) {
      const DomainEnergy& domain = sources.chosen[d];
      if (!in_total(domain, energy)) continue;
      for (const TimeSpan& part : parts) {
        out.energy_j += domain.curve.between(part.start_ns, part.end_ns);
      }
      if (!parts.empty()) sigma += std::sqrt(domain.variance_at(parts.back().end_ns, false));
    }
    variance += sigma * sigma;
  }
  out.edge_sigma_j = std::sqrt(variance);
  if (!energy.total.gross.known()) out.energy_j = time_s;
  return out;
}

std::string why_unknown(const CarbonFactor& factor, const Trace& trace,
                        std::span<const TimeSpan> measured) {
  if (measured.empty()) return "nothing was measured";
  for (const TimeSpan& window : measured) {
    const std::string reason =
        uncovered(factor, wall_time(trace, window.start_ns), wall_time(trace, window.end_ns));
    if (!reason.empty()) return reason + ", the time of the measurement";
  }
  return "";
}

}  // namespace

CarbonFactor averaged(CarbonFactor factor, std::span<const IntervalEnergy> parts) {
  double energy = 0;
  double emitted = 0;
  double uncertain = 0;
  double edges = 0;
  factor.series->intervals.clear();
  for (size_t i = 0; i < parts.size(); ++i) {
    const CarbonInterval& interval = parts[i].interval;
    factor.series->intervals.push_back(interval);
    energy += parts[i].energy_j;
    emitted += parts[i].energy_j * interval.g_per_kwh;
    uncertain += parts[i].energy_j * interval.uncertainty_g_per_kwh;
    if (i + 1 == parts.size()) break;
    const double step = parts[i + 1].interval.g_per_kwh - interval.g_per_kwh;
    edges = std::hypot(edges, 2 * parts[i].edge_sigma_j * step);
  }
  factor.unknown = energy > 0 ? "" : "no energy was used";
  if (energy <= 0) return factor;
  factor.g_per_kwh = emitted / energy;
  factor.uncertainty_g_per_kwh = std::hypot(uncertain, edges) / energy;
  return factor;
}

CarbonFactor over_measurement(CarbonFactor factor, const Trace& trace,
                              std::span<const TimeSpan> measured, const EnergySources& sources,
                              const WindowEnergy& energy) {
  if (!factor.series) return factor;
  factor.unknown = why_unknown(factor, trace, measured);
  if (!factor.unknown.empty()) {
    factor.series->intervals.clear();
    return factor;
  }
  std::vector<IntervalEnergy> parts;
  for (const CarbonInterval& interval : factor.series->intervals) {
    std::vector<TimeSpan> within;
    for (const TimeSpan& window : measured) {
      const TimeSpan part = overlap(trace, window, interval);
      if (part.end_ns > part.start_ns) within.push_back(part);
    }
    if (!within.empty()) parts.push_back(energy_within(interval, within, sources, energy));
  }
  return averaged(std::move(factor), parts);
}

}  // namespace aieb
