#include "analysis/attribution.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "analysis/flight_sweep.h"
#include "analysis/group_shares.h"
#include "analysis/token_energy.h"
#include "core/clock.h"

namespace aieb {
namespace {

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

/// Standard deviation of the energy that a domain used over a span, in J.
double sigma_of(const DomainEnergy& domain, const TimeSpan& span) {
  return std::sqrt(domain.variance_at(span.start_ns, true) +
                   domain.variance_at(span.end_ns, false) + domain.variance_within(span));
}

/// Adds one domain's part of a request. `sigma_j`: its standard deviation.
void add_to_request(RequestPart& request, const DomainEnergy& domain, const Quantity& baseline,
                    const FlightShare& share, double sigma_j, const ClockShift& clock) {
  const double energy = share.energy;
  const double time_share = share.time;
  const double gain = domain.domain.gain_uncertainty;
  const double random = std::hypot(2 * sigma_j, clock.expanded());
  request.energy.add(energy, gain * energy, random);
  if (!baseline.known()) return;
  const double active = energy - *baseline.value * time_share;
  request.active.add(
      active,
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

/// Standard deviations of the energy that a sensor moves over the begin and the end of a side, in
/// J, where it blurs the step of the power there; else 0.
struct BlurredSteps {
  double begin_j = 0;
  double end_j = 0;
};

/// Energy of the requests on one side of their first token, within one domain. What a sensor moves
/// over the steps at the begins it moves the same way for every request, and so at the ends: those
/// errors add up.
struct SideSum {
  double energy = 0;
  double variance = 0;  ///< without what follows
  BlurredSteps steps;
  ClockShift clock;

  void add(double part, double sigma_j, const BlurredSteps& blurred, const ClockShift& shift) {
    energy += part;
    clock += shift;
    variance += std::max(
        0.0, sigma_j * sigma_j - blurred.begin_j * blurred.begin_j - blurred.end_j * blurred.end_j);
    steps.begin_j += blurred.begin_j;
    steps.end_j += blurred.end_j;
  }
  void add_to(SharedPart& sum, double gain) const {
    const double sigma_j = std::hypot(std::sqrt(variance), steps.begin_j, steps.end_j);
    sum.add(energy, gain * energy, std::hypot(2 * sigma_j, clock.expanded()));
  }
};

/// Adds what one domain's energy went to.
class DomainShares {
 public:
  /// Without `errors` the random parts are left out.
  DomainShares(const DomainEnergy& domain, const Sweep& sweep, bool errors)
      : domain_(domain), sweep_(sweep), part_(sweep_domain(sweep, domain.curve)) {
    if (errors) add_jumps();
    const int64_t by_ns = nanoseconds(domain.clock_half_width_s);
    if (by_ns <= 0) return;
    shifted_ = {sweep_domain(sweep, domain.curve.shifted(by_ns)),
                sweep_domain(sweep, domain.curve.shifted(-by_ns))};
    unattributed_clock_ = {shifted_[0].unattributed - part_.unattributed,
                           shifted_[1].unattributed - part_.unattributed};
    preparing_clock_ = {shifted_[0].preparing - part_.preparing,
                        shifted_[1].preparing - part_.preparing};
  }

  void divide(std::span<const Flight> flights, const Quantity& baseline,
              std::vector<RequestPart>& requests) {
    for (size_t i = 0; i < flights.size(); ++i) {
      const FlightIndex& flight = sweep_.flights[i];
      const FlightShare share = share_of(sweep_, part_, flight);
      const auto [whole, decode] = clock_shifts(share, flight);
      if (!flights[i].result) {
        part_.unattributed += share.energy;
        unattributed_clock_ += whole;
        continue;
      }
      const double energy_before = share.energy - share.decode_energy;
      const double whole_before = share.whole - share.decode_whole;
      const double sigma = sigma_j(flight, 0, kStages, share.energy, share.whole);
      add_to_request(requests[i], domain_, baseline, share, sigma, whole);
      before_.add(energy_before, sigma_j(flight, 0, kDecode, energy_before, whole_before),
                  blurred_steps(flight, 0, kDecode),
                  {whole.late - decode.late, whole.early - decode.early});
      after_.add(share.decode_energy,
                 sigma_j(flight, kDecode, kStages, share.decode_energy, share.decode_whole),
                 blurred_steps(flight, kDecode, kStages), decode);
    }
  }

  void add_to(GroupShares& sums) const {
    const double gain = domain_.domain.gain_uncertainty;
    sums.unattributed.add(
        part_.unattributed, gain * part_.unattributed,
        std::hypot(2 * std::sqrt(quiet_variance(sweep_.measured)), unattributed_clock_.expanded()));
    sums.preparing.add(
        part_.preparing, gain * part_.preparing,
        std::hypot(2 * std::sqrt(quiet_variance(sweep_.preparing)), preparing_clock_.expanded()));
    before_.add_to(sums.before_first_token, gain);
    after_.add_to(sums.after_first_token, gain);
  }

 private:
  [[nodiscard]] double share_after(size_t i, int64_t weight) const {
    const int64_t all = sweep_.in_flight[i];
    return all > 0 ? static_cast<double>(weight) / static_cast<double>(all) : 0;
  }

  /// Energy of the domain that is put on the wrong side of a time goes to those in flight there:
  /// its error counts by how much a request's share changes.
  void add_jumps() {
    jumps_.assign(1, 0);
    jumps_.reserve(sweep_.times.size() + 1);
    for (const int64_t t_ns : sweep_.times) {
      begins_.push_back(domain_.variance_at(t_ns, true));
      ends_.push_back(domain_.variance_at(t_ns, false));
    }
    for (size_t i = 0; i < sweep_.times.size(); ++i) {
      const bool inner = i > 0 && sweep_.in_flight[i] > 0 && sweep_.in_flight[i - 1] > 0;
      const double jump = inner ? share_after(i, 1) - share_after(i - 1, 1) : 0;
      jumps_.push_back(jumps_.back() + begins_[i] * jump * jump);
    }
  }

  /// Standard deviation of a flight's energy over some of its stages, in J: the errors of the times
  /// at which its share of the power changes, and its share of what lies between readings.
  [[nodiscard]] double sigma_j(const FlightIndex& flight, size_t first, size_t last, double energy,
                               double whole) const {
    const size_t begin = flight.marks[first];
    const size_t end = flight.marks[last];
    if (begin >= end || begins_.empty()) return 0;
    const TimeSpan span{sweep_.times[begin], sweep_.times[end]};
    const double part = whole > 0 ? energy / whole : 0;
    double variance = part * part * domain_.variance_within(span);
    double share = 0;
    for (size_t s = first; s < last; ++s) {
      const size_t from = flight.marks[s];
      const size_t to = flight.marks[s + 1];
      if (from >= to) continue;
      const auto weight = static_cast<double>(flight.weights[s]);
      const double jump = share_after(from, flight.weights[s]) - share;
      variance += jump * jump * begins_[from] + weight * weight * (jumps_[to] - jumps_[from + 1]);
      share = share_after(to - 1, flight.weights[s]);
    }
    return std::sqrt(variance + share * share * ends_[end]);
  }

  [[nodiscard]] BlurredSteps blurred_steps(const FlightIndex& flight, size_t first,
                                           size_t last) const {
    const size_t begin = flight.marks[first];
    const size_t end = flight.marks[last];
    if (begin >= end || begins_.empty()) return {};
    while (flight.marks[first + 1] == begin) ++first;  // empty stages
    while (flight.marks[last - 1] == end) --last;
    const auto step_j = [this](size_t at, double share, double variance) {
      return has_edge(sweep_.times[at]) ? 0 : share * std::sqrt(variance);
    };
    return {step_j(begin, share_after(begin, flight.weights[first]), begins_[begin]),
            step_j(end, share_after(end - 1, flight.weights[last - 1]), ends_[end])};
  }

  /// Whether the curve has an edge of its own at this time.
  [[nodiscard]] bool has_edge(int64_t t_ns) const {
    constexpr int64_t kSameTime_ns = 100;
    const auto edge =
        std::lower_bound(domain_.edges.begin(), domain_.edges.end(), t_ns - kSameTime_ns,
                         [](const EdgeError& e, int64_t t) { return e.t_ns < t; });
    return edge != domain_.edges.end() && edge->t_ns <= t_ns + kSameTime_ns;
  }

  /// Of the spans of the windows in which nothing is in flight, those for which `where` holds.
  /// Those that the sensor cannot tell from the load around them all get too much of its energy, so
  /// that their errors add up.
  [[nodiscard]] double quiet_variance(const std::vector<char>& where) const {
    double variance = 0;
    double blurred = 0;
    const auto quiet = [&](size_t i) {
      return where[i] != 0 && sweep_.measured[i] != 0 && sweep_.in_flight[i] == 0;
    };
    for (size_t i = 0; i < sweep_.times.size(); ++i) {
      if (!quiet(i)) continue;
      const size_t start = i;
      while (i + 1 < sweep_.times.size() && quiet(i)) ++i;
      const double sigma = sigma_of(domain_, {sweep_.times[start], sweep_.times[i]});
      const bool sharp = has_edge(sweep_.times[start]) && has_edge(sweep_.times[i]);
      (sharp ? variance : blurred) += sharp ? sigma * sigma : sigma;
    }
    return variance + blurred * blurred;
  }

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
  std::vector<double> begins_;  ///< variance of what begins at each time of the sweep, in J²
  std::vector<double> ends_;
  std::vector<double> jumps_;         ///< of a weight of 1, summed up to each time
  std::vector<DomainSweep> shifted_;  ///< all times later, and earlier; empty: they are exact
  ClockShift unattributed_clock_;
  ClockShift preparing_clock_;
  SideSum before_;
  SideSum after_;
};

Attribution unknown_attribution(const Quantity& total) {
  Quantity unknown = Quantity::missing("J", total.reason);
  unknown.source = total.source;
  return {unknown, unknown, unknown, unknown, {"", "", unknown, unknown}};
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

/// When the prompts were prepared, as far as that is known.
std::vector<TimeSpan> preparing_spans(std::span<const Flight> flights) {
  std::vector<TimeSpan> spans;
  for (const Flight& flight : flights) {
    const int64_t since_ns = flight.preparing_since_ns.value_or(flight.span.start_ns);
    if (since_ns < flight.span.start_ns) spans.push_back({since_ns, flight.span.start_ns});
  }
  return spans;
}

void require_preparing(std::span<const TimeSpan> spans, Attribution& out) {
  if (!spans.empty()) return;
  out.preparing = Quantity::missing(
      "J", "it is not told when prompts were formatted and tokenised; servers do it themselves");
}

/// The inputs of every division.
struct DivisionInput {
  const EnergySources& sources;
  std::span<const TimeSpan> windows;
  const std::vector<Quantity>& baselines;
  const WindowEnergy& measured;
  std::span<const Flight> flights;
  std::vector<TimeSpan> preparing;
};

void divide(const DivisionInput& in, std::span<const WeightedFlight> weighted,
            std::vector<RequestResult>& results, Attribution& sums, bool errors) {
  const Sweep sweep = make_sweep(in.windows, weighted, in.preparing);
  for (const std::vector<size_t>& group : read_together(in.sources.chosen)) {
    GroupShares group_shares(in.flights.size());
    for (const size_t d : group) {
      if (!in_total(in.sources.chosen[d], in.measured)) continue;
      DomainShares shares(in.sources.chosen[d], sweep, errors);
      shares.divide(in.flights, in.baselines[d], group_shares.requests);
      shares.add_to(group_shares);
    }
    group_shares.add_to(in.flights, results, sums);
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
  divide(in, division.alternative, others, sums, false);
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
  const DivisionInput in{sources, windows, baselines, measured, flights, preparing_spans(flights)};
  Division division = choose_division(in);
  divide(in, division.weights, results, out, true);
  if (!division.alternative.empty()) widen_by(in, division, results, out);
  out.division = std::move(division.description);
  require_first_tokens(flights, results, out);
  require_preparing(in.preparing, out);
  return out;
}

}  // namespace aieb
