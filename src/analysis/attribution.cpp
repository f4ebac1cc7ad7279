#include "analysis/attribution.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/clock.h"

namespace aieb {
namespace {

/// Sigma of an edge to the expanded (k = 2) uncertainty of a span between two of them.
const double kTwoEdges = 2 * std::numbers::sqrt2;

/// Begin, first token and end of a flight as indices of the sweep's times.
struct FlightIndex {
  size_t begin = 0;
  size_t first_token = 0;  ///< the end when no token is known
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

int64_t end_of(const Flight& flight) { return std::max(flight.span.start_ns, flight.span.end_ns); }

int64_t first_token_of(const Flight& flight) {
  return std::clamp(flight.first_token_ns.value_or(end_of(flight)), flight.span.start_ns,
                    end_of(flight));
}

/// All times of the sweep, increasing.
std::vector<int64_t> times_of(std::span<const TimeSpan> windows, std::span<const Flight> flights) {
  std::vector<int64_t> times;
  times.reserve(3 * flights.size() + 2 * windows.size());
  for (const TimeSpan& window : windows) {
    times.push_back(window.start_ns);
    times.push_back(window.end_ns);
  }
  for (const Flight& flight : flights) {
    times.push_back(flight.span.start_ns);
    times.push_back(first_token_of(flight));
    times.push_back(end_of(flight));
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

Sweep make_sweep(std::span<const TimeSpan> windows, std::span<const Flight> flights) {
  Sweep sweep;
  sweep.times = times_of(windows, flights);
  std::vector<int32_t> change(sweep.times.size() + 1, 0);
  std::vector<int32_t> window_change(sweep.times.size() + 1, 0);
  for (const Flight& flight : flights) {
    const FlightIndex index{index_of(sweep.times, flight.span.start_ns),
                            index_of(sweep.times, first_token_of(flight)),
                            index_of(sweep.times, end_of(flight))};
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
  const double random = kTwoEdges * domain.typical_edge_sigma_j * part;
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

/// Energy of the requests on one side of their first token, within one domain.
struct SideSum {
  double energy = 0;
  double random_squares = 0;

  void add(double part, double whole, double edge_j) {
    energy += part;
    const double share = whole > 0 ? part / whole : 1;
    random_squares += edge_j * edge_j * share * share;
  }
  void add_to(Quantity& sum, double gain) const {
    add_independent(sum, energy, gain * energy, std::sqrt(random_squares));
  }
};

/// Adds what one domain's energy went to.
class DomainShares {
 public:
  DomainShares(const DomainEnergy& domain, const Sweep& sweep)
      : domain_(domain), sweep_(sweep), part_(sweep_domain(sweep, domain.curve)) {}

  void divide(std::span<const Flight> flights, const Quantity& baseline,
              std::vector<RequestResult>& results) {
    for (size_t i = 0; i < flights.size(); ++i) {
      const FlightIndex& index = sweep_.flights[i];
      if (!flights[i].result) {
        part_.unattributed += energy(index.begin, index.end);
        continue;
      }
      add_to_request(results[*flights[i].result], domain_, baseline, energy(index.begin, index.end),
                     whole(index.begin, index.end),
                     sweep_.time_share[index.end] - sweep_.time_share[index.begin]);
      add_side(before_, index.begin, index.first_token);
      add_side(after_, index.first_token, index.end);
    }
  }

  void add_to(Attribution& sums) const {
    const double gain = domain_.domain.gain_uncertainty;
    add_independent(sums.unattributed, part_.unattributed, gain * part_.unattributed, edge_j());
    before_.add_to(sums.before_first_token, gain);
    after_.add_to(sums.after_first_token, gain);
  }

 private:
  [[nodiscard]] double energy(size_t from, size_t to) const {
    return part_.share[to] - part_.share[from];
  }
  [[nodiscard]] double whole(size_t from, size_t to) const {
    return part_.whole[to] - part_.whole[from];
  }
  [[nodiscard]] double edge_j() const { return kTwoEdges * domain_.typical_edge_sigma_j; }
  void add_side(SideSum& side, size_t from, size_t to) const {
    side.add(energy(from, to), whole(from, to), edge_j());
  }

  const DomainEnergy& domain_;
  const Sweep& sweep_;
  DomainSweep part_;
  SideSum before_;
  SideSum after_;
};

Attribution unknown_attribution(const Quantity& total) {
  Quantity unknown = Quantity::missing("J", total.reason);
  unknown.source = total.source;
  return {unknown, unknown, unknown};
}

/// The split at the first token says something only if that of every answer is known. A request
/// without an answer spent all of its energy before its first token.
void require_first_tokens(std::span<const Flight> flights,
                          const std::vector<RequestResult>& results, Attribution& out) {
  const auto unseen = [&results](const Flight& f) {
    return f.result && !f.first_token_ns && results[*f.result].record.status == RequestStatus::kOk;
  };
  if (std::none_of(flights.begin(), flights.end(), unseen)) return;
  out.before_first_token = out.after_first_token =
      Quantity::missing("J", "the first token of some answers is not known");
}

}  // namespace

Attribution attribute_energy(const EnergySources& sources, std::span<const TimeSpan> windows,
                             const std::vector<Quantity>& baselines, const WindowEnergy& measured,
                             std::span<const Flight> flights, std::vector<RequestResult>& results) {
  label_like(measured.total, results, flights);
  Attribution out = unknown_attribution(measured.total.gross);
  if (windows.empty() || !measured.total.gross.known()) return out;
  const Sweep sweep = make_sweep(windows, flights);
  for (size_t d = 0; d < sources.chosen.size(); ++d) {
    if (!in_total(sources.chosen[d], measured)) continue;
    DomainShares shares(sources.chosen[d], sweep);
    shares.divide(flights, baselines[d], results);
    shares.add_to(out);
  }
  require_first_tokens(flights, results, out);
  return out;
}

}  // namespace aieb
