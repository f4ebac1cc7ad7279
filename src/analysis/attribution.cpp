#include "analysis/attribution.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "analysis/flight_sweep.h"
#include "analysis/token_energy.h"
#include "core/clock.h"

namespace aieb {
namespace {

/// Sigma of an edge to the expanded (k = 2) uncertainty of a span between two of them.
const double kTwoEdges = 2 * std::numbers::sqrt2;

void add_independent(Quantity& sum, double value, double systematic, double random) {
  sum.value = sum.value.value_or(0) + value;
  sum.systematic = std::hypot(sum.systematic, systematic);
  sum.random = std::hypot(sum.random, random);
}

/// How much an energy changes when all times of its domain are off by as much as they may be, one
/// way and the other. Everything of one domain is off together, so changes add with their signs.
struct ClockShift {
  double late = 0;
  double early = 0;

  void operator+=(const ClockShift& other) {
    late += other.late;
    early += other.early;
  }
  /// k = 2 of a shift that may be anything up to its bounds.
  [[nodiscard]] double expanded() const {
    return 2 / std::numbers::sqrt3 * std::max(std::abs(late), std::abs(early));
  }
};

/// Adds one domain's part of a request. Its begin and end each carry the error of an edge at an
/// arbitrary time, of which the request's share of the power then counts.
void add_to_request(RequestResult& result, const DomainEnergy& domain, const Quantity& baseline,
                    const FlightShare& share, const ClockShift& clock) {
  const double energy = share.energy;
  const double time_share = share.time;
  const double gain = domain.domain.gain_uncertainty;
  const double part = share.whole > 0 ? energy / share.whole : 1;
  const double random =
      std::hypot(kTwoEdges * domain.typical_edge_sigma_j * part, clock.expanded());
  add_independent(result.energy, energy, gain * energy, random);
  if (!baseline.known()) return;
  const double active = energy - *baseline.value * time_share;
  add_independent(
      result.active_energy, active,
      systematic_above_idle(domain.domain.kind, gain * energy, baseline.systematic * time_share),
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

/// Energy of the requests on one side of their first token, within one domain.
struct SideSum {
  double energy = 0;
  double random_squares = 0;
  ClockShift clock;

  void add(double part, double whole, double edge_j, const ClockShift& shift) {
    energy += part;
    clock += shift;
    const double share = whole > 0 ? part / whole : 1;
    random_squares += edge_j * edge_j * share * share;
  }
  void add_to(Quantity& sum, double gain) const {
    add_independent(sum, energy, gain * energy,
                    std::hypot(std::sqrt(random_squares), clock.expanded()));
  }
};

/// Adds what one domain's energy went to.
class DomainShares {
 public:
  DomainShares(const DomainEnergy& domain, const Sweep& sweep)
      : domain_(domain), sweep_(sweep), part_(sweep_domain(sweep, domain.curve)) {
    const int64_t by_ns = nanoseconds(domain.clock_half_width_s);
    if (by_ns <= 0) return;
    shifted_ = {sweep_domain(sweep, domain.curve.shifted(by_ns)),
                sweep_domain(sweep, domain.curve.shifted(-by_ns))};
    unattributed_clock_ = {shifted_[0].unattributed - part_.unattributed,
                           shifted_[1].unattributed - part_.unattributed};
  }

  void divide(std::span<const Flight> flights, const Quantity& baseline,
              std::vector<RequestResult>& results) {
    for (size_t i = 0; i < flights.size(); ++i) {
      const FlightShare share = share_of(sweep_, part_, sweep_.flights[i]);
      const auto [whole, decode] = clock_shifts(share, sweep_.flights[i]);
      if (!flights[i].result) {
        part_.unattributed += share.energy;
        unattributed_clock_ += whole;
        continue;
      }
      add_to_request(results[*flights[i].result], domain_, baseline, share, whole);
      before_.add(share.energy - share.decode_energy, share.whole - share.decode_whole, edge_j(),
                  {whole.late - decode.late, whole.early - decode.early});
      after_.add(share.decode_energy, share.decode_whole, edge_j(), decode);
    }
  }

  void add_to(Attribution& sums) const {
    const double gain = domain_.domain.gain_uncertainty;
    add_independent(sums.unattributed, part_.unattributed, gain * part_.unattributed,
                    std::hypot(edge_j(), unattributed_clock_.expanded()));
    before_.add_to(sums.before_first_token, gain);
    after_.add_to(sums.after_first_token, gain);
  }

 private:
  [[nodiscard]] double edge_j() const { return kTwoEdges * domain_.typical_edge_sigma_j; }

  /// Of a flight's energy and of its part from the first token on.
  [[nodiscard]] std::pair<ClockShift, ClockShift> clock_shifts(const FlightShare& share,
                                                               const FlightIndex& flight) const {
    if (shifted_.empty()) return {};
    const FlightShare late = share_of(sweep_, shifted_[0], flight);
    const FlightShare early = share_of(sweep_, shifted_[1], flight);
    return {{late.energy - share.energy, early.energy - share.energy},
            {late.decode_energy - share.decode_energy, early.decode_energy - share.decode_energy}};
  }

  const DomainEnergy& domain_;
  const Sweep& sweep_;
  DomainSweep part_;
  std::vector<DomainSweep> shifted_;  ///< all times later, and earlier; empty: they are exact
  ClockShift unattributed_clock_;
  SideSum before_;
  SideSum after_;
};

Attribution unknown_attribution(const Quantity& total) {
  Quantity unknown = Quantity::missing("J", total.reason);
  unknown.source = total.source;
  return {unknown, unknown, unknown, {"", "", unknown, unknown}};
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

/// The inputs of every division.
struct DivisionInput {
  const EnergySources& sources;
  std::span<const TimeSpan> windows;
  const std::vector<Quantity>& baselines;
  const WindowEnergy& measured;
  std::span<const Flight> flights;
};

void divide(const DivisionInput& in, std::span<const WeightedFlight> weighted,
            std::vector<RequestResult>& results, Attribution& sums) {
  const Sweep sweep = make_sweep(in.windows, weighted);
  for (size_t d = 0; d < in.sources.chosen.size(); ++d) {
    if (!in_total(in.sources.chosen[d], in.measured)) continue;
    DomainShares shares(in.sources.chosen[d], sweep);
    shares.divide(in.flights, in.baselines[d], results);
    shares.add_to(sums);
  }
}

/// The chosen weights, and others that might have been right as well.
struct Division {
  EnergyDivision description;
  std::vector<WeightedFlight> weights;
  std::vector<WeightedFlight> alternative;  ///< empty: there is no other
};

Quantity token_cost(double value, double se) {
  Quantity q = Quantity::missing("J", "");
  q.value = value;
  q.random = 2 * se;
  q.source = Source::kIntegratedPower;
  return q;
}

Division choose_division(const DivisionInput& in) {
  const auto unlearnt = [](const std::string& method, const std::string& reason) {
    return EnergyDivision{method, reason, Quantity::missing("J", reason),
                          Quantity::missing("J", reason)};
  };
  const auto stages = stages_of(in.flights);
  if (!stages) {
    return {unlearnt("time", "the tokens of some answers or their arrival are not known"),
            equal_flights(in.flights),
            {}};
  }
  const LearntTokenEnergy learnt =
      learn_token_energy(in.sources, in.windows, in.baselines, in.measured, *stages);
  if (!learnt.energy) {
    return {unlearnt("tokens", learnt.reason), working_flights(*stages, 1, 1),
            equal_flights(in.flights)};
  }
  const TokenEnergy& e = *learnt.energy;
  // Only the ratio of the two costs matters to the division.
  const double ratio_error = 2 * std::hypot(e.prefill_se / e.prefill_j, e.decode_se / e.decode_j);
  return {{"regression", "", token_cost(e.prefill_j, e.prefill_se),
           token_cost(e.decode_j, e.decode_se)},
          working_flights(*stages, e.prefill_j, e.decode_j),
          working_flights(*stages, e.prefill_j * (1 + ratio_error), e.decode_j)};
}

void widen(Quantity& quantity, const Quantity& other) {
  if (!quantity.known() || !other.known()) return;
  quantity.random = std::hypot(quantity.random, *quantity.value - *other.value);
}

/// What the other division gives instead is an uncertainty of this one.
void widen_by(const DivisionInput& in, const Division& division,
              std::vector<RequestResult>& results, Attribution& out) {
  std::vector<RequestResult> others(results.size());
  label_like(in.measured.total, others, in.flights);
  Attribution sums = unknown_attribution(in.measured.total.gross);
  divide(in, division.alternative, others, sums);
  for (size_t i = 0; i < results.size(); ++i) {
    widen(results[i].energy, others[i].energy);
    widen(results[i].active_energy, others[i].active_energy);
  }
  widen(out.before_first_token, sums.before_first_token);
  widen(out.after_first_token, sums.after_first_token);
}

}  // namespace

Attribution attribute_energy(const EnergySources& sources, std::span<const TimeSpan> windows,
                             const std::vector<Quantity>& baselines, const WindowEnergy& measured,
                             std::span<const Flight> flights, std::vector<RequestResult>& results) {
  label_like(measured.total, results, flights);
  Attribution out = unknown_attribution(measured.total.gross);
  if (windows.empty() || !measured.total.gross.known()) return out;
  const DivisionInput in{sources, windows, baselines, measured, flights};
  Division division = choose_division(in);
  divide(in, division.weights, results, out);
  if (!division.alternative.empty()) widen_by(in, division, results, out);
  out.division = std::move(division.description);
  require_first_tokens(flights, results, out);
  return out;
}

}  // namespace aieb
