#include "analysis/flight_sweep.h"

#include <algorithm>
#include <cmath>

#include "core/clock.h"

namespace aieb {
namespace {

double tokens_per_ns(const Stage& stage) {
  const int64_t length = stage.span.end_ns - stage.span.start_ns;
  return length > 0 ? stage.tokens / static_cast<double>(length) : 0;
}

/// The largest weight: 2^20 such requests in flight still have a sum within an int64_t, and
/// requests of a millionth of the rate are still weighed to a part in a million.
constexpr double kLargestWeight = 1LL << 42;

size_t index_of(const std::vector<int64_t>& times, int64_t t_ns) {
  return static_cast<size_t>(std::lower_bound(times.begin(), times.end(), t_ns) - times.begin());
}

/// All times of the sweep, increasing.
std::vector<int64_t> times_of(std::span<const TimeSpan> windows,
                              std::span<const WeightedFlight> flights,
                              std::span<const TimeSpan> preparing) {
  std::vector<int64_t> times;
  times.reserve((kStages + 1) * flights.size() + 2 * (windows.size() + preparing.size()));
  for (const auto spans : {windows, preparing}) {
    for (const TimeSpan& span : spans) times.insert(times.end(), {span.start_ns, span.end_ns});
  }
  for (const WeightedFlight& flight : flights) {
    times.insert(times.end(), flight.marks_ns.begin(), flight.marks_ns.end());
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

/// Enters the flights into `sweep`; returns how the sum of weights changes at each time.
std::vector<int64_t> enter_flights(std::span<const WeightedFlight> flights, Sweep& sweep) {
  std::vector<int64_t> change(sweep.times.size() + 1, 0);
  sweep.flights.reserve(flights.size());
  for (const WeightedFlight& flight : flights) {
    FlightIndex index;
    index.weights = flight.weights;
    for (size_t m = 0; m <= kStages; ++m) {
      index.marks[m] = index_of(sweep.times, flight.marks_ns[m]);
    }
    for (size_t s = 0; s < kStages; ++s) {
      change[index.marks[s]] += index.weights[s];
      change[index.marks[s + 1]] -= index.weights[s];
    }
    sweep.flights.push_back(index);
  }
  return change;
}

/// Whether each span of the sweep lies in one of `spans`.
std::vector<char> covered_by(std::span<const TimeSpan> spans, const std::vector<int64_t>& times) {
  std::vector<int32_t> change(times.size() + 1, 0);
  for (const TimeSpan& span : spans) {
    ++change[index_of(times, span.start_ns)];
    --change[index_of(times, span.end_ns)];
  }
  std::vector<char> covered;
  covered.reserve(times.size());
  int32_t count = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    count += change[i];
    covered.push_back(count > 0 ? 1 : 0);
  }
  return covered;
}

}  // namespace

void RunningSum::reserve(size_t n) {
  high_.reserve(n);
  low_.reserve(n);
}

void RunningSum::mark() {
  high_.push_back(sum_);
  low_.push_back(rest_);
}

void RunningSum::add(double term) {
  const double sum = sum_ + term;
  const double of_term = sum - sum_;
  rest_ += (sum_ - (sum - of_term)) + (term - of_term);
  sum_ = sum;
}

std::vector<WeightedFlight> equal_flights(std::span<const Flight> flights) {
  std::vector<WeightedFlight> out;
  out.reserve(flights.size());
  for (const Flight& flight : flights) {
    const int64_t start = flight.span.start_ns;
    const int64_t end = std::max(start, flight.span.end_ns);
    const int64_t first = std::clamp(flight.first_token_ns.value_or(end), start, end);
    out.push_back({{start, start, first, end}, {1, 1, 1}});
  }
  return out;
}

std::vector<WeightedFlight> working_flights(std::span<const FlightStages> stages, double prefill,
                                            double decode) {
  double largest = 0;
  for (const FlightStages& flight : stages) {
    largest = std::max(
        {largest, prefill * tokens_per_ns(flight.prefill), decode * tokens_per_ns(flight.decode)});
  }
  const auto weight = [scale = largest > 0 ? kLargestWeight / largest : 0](double rate) {
    return std::max<int64_t>(1, std::llround(rate * scale));
  };
  std::vector<WeightedFlight> out;
  out.reserve(stages.size());
  for (const FlightStages& flight : stages) {
    out.push_back({{flight.waiting.start_ns, flight.prefill.span.start_ns,
                    flight.decode.span.start_ns, flight.decode.span.end_ns},
                   {1, weight(prefill * tokens_per_ns(flight.prefill)),
                    weight(decode * tokens_per_ns(flight.decode))}});
  }
  return out;
}

Sweep make_sweep(std::span<const TimeSpan> windows, std::span<const WeightedFlight> flights,
                 std::span<const TimeSpan> preparing) {
  Sweep sweep;
  sweep.times = times_of(windows, flights, preparing);
  const std::vector<int64_t> change = enter_flights(flights, sweep);
  sweep.measured = covered_by(windows, sweep.times);
  sweep.preparing = covered_by(preparing, sweep.times);
  int64_t weight = 0;
  for (size_t i = 0; i < sweep.times.size(); ++i) {
    sweep.time_share.mark();
    weight += change[i];
    sweep.in_flight.push_back(weight);
    if (sweep.measured[i] != 0 && weight > 0) {
      sweep.time_share.add(seconds(sweep.times[i + 1] - sweep.times[i]) /
                           static_cast<double>(weight));
    }
  }
  return sweep;
}

DomainSweep sweep_domain(const Sweep& sweep, const EnergyCurve& curve) {
  DomainSweep out;
  out.share.reserve(sweep.times.size());
  out.whole.reserve(sweep.times.size());
  size_t segment = 0;
  double before = curve.at(sweep.times.front(), segment);
  for (size_t i = 0; i < sweep.times.size(); ++i) {
    out.share.mark();
    out.whole.mark();
    if (i + 1 == sweep.times.size()) break;
    const double after = curve.at(sweep.times[i + 1], segment);
    const double energy = after - before;
    before = after;
    if (sweep.measured[i] == 0) continue;
    if (sweep.in_flight[i] == 0) {
      out.unattributed += energy;
      if (sweep.preparing[i] != 0) out.preparing += energy;
    } else {
      out.share.add(energy / static_cast<double>(sweep.in_flight[i]));
      out.whole.add(energy);
    }
  }
  return out;
}

FlightShare share_of(const Sweep& sweep, const DomainSweep& domain, const FlightIndex& flight) {
  FlightShare out;
  for (size_t s = 0; s < kStages; ++s) {
    const size_t from = flight.marks[s];
    const size_t to = flight.marks[s + 1];
    const auto weight = static_cast<double>(flight.weights[s]);
    const double energy = weight * domain.share.between(from, to);
    out.energy += energy;
    out.time += weight * sweep.time_share.between(from, to);
    if (s == kDecode) out.decode_energy = energy;
  }
  out.whole = domain.whole.between(flight.marks[0], flight.marks[kStages]);
  out.decode_whole = domain.whole.between(flight.marks[kDecode], flight.marks[kStages]);
  return out;
}

}  // namespace aieb
