#include "analysis/attribution.h"

#include <algorithm>
#include <cmath>

#include "core/clock.h"

namespace aieb {
namespace {

/// Begin and end of a flight as indices of the sweep's times.
struct FlightIndex {
  size_t begin = 0;
  size_t end = 0;
};

/// All times at which the set of flights or the window changes, and what holds between them.
struct Sweep {
  std::vector<int64_t> times;      ///< increasing
  std::vector<int32_t> in_flight;  ///< between times[i] and times[i + 1]
  std::vector<char> measured;      ///< whether that span lies in a window
  std::vector<FlightIndex> flights;
  std::vector<double> time_share;  ///< ∫ dt / in_flight up to times[i], in s, within the windows
};

size_t index_of(const std::vector<int64_t>& times, int64_t t_ns) {
  return static_cast<size_t>(std::lower_bound(times.begin(), times.end(), t_ns) - times.begin());
}

Sweep make_sweep(std::span<const TimeSpan> windows, std::span<const Flight> flights) {
  Sweep sweep;
  sweep.times.reserve(2 * (flights.size() + windows.size()));
  for (const TimeSpan& window : windows) {
    sweep.times.push_back(window.start_ns);
    sweep.times.push_back(window.end_ns);
  }
  for (const Flight& flight : flights) {
    sweep.times.push_back(flight.span.start_ns);
    sweep.times.push_back(std::max(flight.span.start_ns, flight.span.end_ns));
  }
  std::sort(sweep.times.begin(), sweep.times.end());
  sweep.times.erase(std::unique(sweep.times.begin(), sweep.times.end()), sweep.times.end());

  std::vector<int32_t> change(sweep.times.size() + 1, 0);
  std::vector<int32_t> window_change(sweep.times.size() + 1, 0);
  for (const Flight& flight : flights) {
    const FlightIndex index{
        index_of(sweep.times, flight.span.start_ns),
        index_of(sweep.times, std::max(flight.span.start_ns, flight.span.end_ns))};
    sweep.flights.push_back(index);
    ++change[index.begin];
    --change[index.end];
  }
  for (const TimeSpan& window : windows) {
    ++window_change[index_of(sweep.times, window.start_ns)];
    --window_change[index_of(sweep.times, window.end_ns)];
  }
  int32_t count = 0;
  int32_t in_window = 0;
  double share = 0;
  for (size_t i = 0; i < sweep.times.size(); ++i) {
    sweep.time_share.push_back(share);
    count += change[i];
    in_window += window_change[i];
    sweep.in_flight.push_back(count);
    sweep.measured.push_back(in_window > 0 ? 1 : 0);
    if (in_window > 0 && count > 0) {
      share += seconds(sweep.times[i + 1] - sweep.times[i]) / count;
    }
  }
  return sweep;
}

/// Reads a curve at increasing times.
class CurveCursor {
 public:
  explicit CurveCursor(const EnergyCurve& curve) : curve_(curve) {}

  double at(int64_t t_ns) {
    const auto& times = curve_.times_ns();
    while (next_ + 2 < times.size() && times[next_ + 1] <= t_ns) ++next_;
    const auto& energy = curve_.energy_j();
    const double fraction = static_cast<double>(t_ns - times[next_]) /
                            static_cast<double>(times[next_ + 1] - times[next_]);
    return energy[next_] + fraction * (energy[next_ + 1] - energy[next_]);
  }

 private:
  const EnergyCurve& curve_;
  size_t next_ = 0;
};

/// One domain's energy along the sweep.
struct DomainSweep {
  std::vector<double> share;  ///< ∫ P / in_flight dt up to times[i]
  std::vector<double> whole;  ///< ∫ P dt up to times[i] while something is in flight
  double unattributed = 0;    ///< ∫ P dt while nothing is
};

DomainSweep sweep_domain(const Sweep& sweep, const EnergyCurve& curve) {
  DomainSweep out;
  out.share.reserve(sweep.times.size());
  out.whole.reserve(sweep.times.size());
  CurveCursor cursor(curve);
  double share = 0;
  double whole = 0;
  double before = cursor.at(sweep.times.front());
  for (size_t i = 0; i < sweep.times.size(); ++i) {
    out.share.push_back(share);
    out.whole.push_back(whole);
    if (i + 1 == sweep.times.size()) break;
    const double after = cursor.at(sweep.times[i + 1]);
    const double energy = after - before;
    before = after;
    if (sweep.measured[i] == 0) continue;
    if (sweep.in_flight[i] == 0) {
      out.unattributed += energy;
    } else {
      share += energy / sweep.in_flight[i];
      whole += energy;
    }
  }
  return out;
}

void add_independent(Quantity& sum, double value, double systematic, double random) {
  sum.value = sum.value.value_or(0) + value;
  sum.systematic = std::hypot(sum.systematic, systematic);
  sum.random = std::hypot(sum.random, random);
}

/// Adds one domain's part of a request. Its begin and end each carry the error of an edge at an
/// arbitrary time, of which the request's share of the power then counts.
void add_to_request(RequestResult& result, const DomainEnergy& domain, const Quantity& baseline,
                    double energy, double whole, double time_share) {
  const double gain = domain.domain.gain_uncertainty;
  const double part = whole > 0 ? energy / whole : 1;
  const double random = 2 * std::sqrt(2.0) * domain.typical_edge_sigma_j * part;
  add_independent(result.energy, energy, gain * energy, random);
  if (!baseline.known()) return;
  const double active = energy - *baseline.value * time_share;
  add_independent(result.active_energy, active,
                  std::abs(gain * energy - baseline.systematic * time_share),
                  std::hypot(random, baseline.random * time_share));
}

/// Gives every request the label of the total, and its reason where something is not known.
void label_like(const ComponentEnergy& total, std::vector<RequestResult>& results,
                std::span<const Flight> flights) {
  const Quantity never_sent = Quantity::missing("J", "it was never sent");
  for (RequestResult& result : results) result.energy = result.active_energy = never_sent;
  for (const Flight& flight : flights) {
    if (!flight.result) continue;
    RequestResult& result = results[*flight.result];
    result.energy = Quantity::missing("J", total.gross.reason);
    result.energy.source = total.gross.source;
    result.active_energy = Quantity::missing("J", total.active.reason);
    result.active_energy.source = total.active.source;
  }
}

bool in_total(const DomainEnergy& domain, const WindowEnergy& measured) {
  const Component c = domain.domain.component;
  if (c != Component::kGpu && c != Component::kCpu && c != Component::kDram) return false;
  const auto it = measured.domains.find(label_of(domain.domain));
  return it != measured.domains.end() && it->second.gross.known();
}

}  // namespace

Quantity attribute_energy(const EnergySources& sources, std::span<const TimeSpan> windows,
                          const std::vector<Quantity>& baselines, const WindowEnergy& measured,
                          std::span<const Flight> flights, std::vector<RequestResult>& results) {
  label_like(measured.total, results, flights);
  Quantity unattributed = Quantity::missing("J", measured.total.gross.reason);
  unattributed.source = measured.total.gross.source;
  if (windows.empty() || !measured.total.gross.known()) return unattributed;
  const Sweep sweep = make_sweep(windows, flights);
  for (size_t d = 0; d < sources.chosen.size(); ++d) {
    const DomainEnergy& domain = sources.chosen[d];
    if (!in_total(domain, measured)) continue;
    const DomainSweep part = sweep_domain(sweep, domain.curve);
    double owed_to_none = part.unattributed;
    for (size_t i = 0; i < flights.size(); ++i) {
      const FlightIndex& index = sweep.flights[i];
      const double energy = part.share[index.end] - part.share[index.begin];
      if (!flights[i].result) {
        owed_to_none += energy;
        continue;
      }
      add_to_request(results[*flights[i].result], domain, baselines[d], energy,
                     part.whole[index.end] - part.whole[index.begin],
                     sweep.time_share[index.end] - sweep.time_share[index.begin]);
    }
    add_independent(unattributed, owed_to_none, domain.domain.gain_uncertainty * owed_to_none,
                    2 * std::sqrt(2.0) * domain.typical_edge_sigma_j);
  }
  return unattributed;
}

}  // namespace aieb
