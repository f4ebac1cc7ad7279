#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "analysis/energy_curve.h"
#include "analysis/flight.h"

namespace aieb {

/// Stages of a flight between `marks`, as indices of the sweep's times, and their weights.
constexpr size_t kStages = 3;
constexpr size_t kDecode = 2;  ///< the stage that begins with the first token
struct FlightIndex {
  std::array<size_t, kStages + 1> marks{};
  std::array<int64_t, kStages> weights{};
};

/// A flight's stages in time. Weights are whole numbers, so that their sum over the requests in
/// flight is exact however many come and go.
struct WeightedFlight {
  std::array<int64_t, kStages + 1> marks_ns{};
  std::array<int64_t, kStages> weights{};
};

/// Everybody the same.
std::vector<WeightedFlight> equal_flights(std::span<const Flight> flights);

/// By work: a prompt token counts `prefill`, an output token `decode`. A request that waits in a
/// queue has the least weight there is.
std::vector<WeightedFlight> working_flights(std::span<const FlightStages> stages, double prefill,
                                            double decode);

/// A sum of terms of one sign along the sweep, of which differences are needed: where next to
/// nothing is in flight a weight of 1 takes all of the energy, so the sum grows by many orders of
/// magnitude more than it does later. Kept in two parts (Knuth's two-sum), differences are exact
/// to rounding all the same.
class RunningSum {
 public:
  void reserve(size_t n);
  /// The sum so far becomes that at the next time.
  void mark();
  void add(double term);
  /// What was added between two marks.
  [[nodiscard]] double between(size_t from, size_t to) const {
    return (high_[to] - high_[from]) + (low_[to] - low_[from]);
  }

 private:
  double sum_ = 0;
  double rest_ = 0;
  std::vector<double> high_;
  std::vector<double> low_;
};

/// All times at which the weights in flight or the window change, and what holds between them.
struct Sweep {
  std::vector<int64_t> times;      ///< increasing
  std::vector<int64_t> in_flight;  ///< sum of the weights between times[i] and times[i + 1]
  std::vector<char> measured;      ///< whether that span lies in a window
  std::vector<char> preparing;     ///< whether a prompt was being prepared in it
  std::vector<FlightIndex> flights;
  RunningSum time_share;  ///< ∫ dt / in_flight, in s, within the windows
};

/// `preparing`: when prompts were prepared; such spans may overlap.
Sweep make_sweep(std::span<const TimeSpan> windows, std::span<const WeightedFlight> flights,
                 std::span<const TimeSpan> preparing = {});

/// One domain's energy along the sweep.
struct DomainSweep {
  RunningSum share;         ///< ∫ P / in_flight dt: J for a weight of 1
  RunningSum whole;         ///< ∫ P dt while something is in flight
  double unattributed = 0;  ///< ∫ P dt while nothing is
  double preparing = 0;     ///< of it while a prompt was being prepared
};

DomainSweep sweep_domain(const Sweep& sweep, const EnergyCurve& curve);

/// One flight's part of one domain.
struct FlightShare {
  double energy = 0;         ///< J
  double decode_energy = 0;  ///< of it from the first token on
  double whole = 0;          ///< J that the domain used meanwhile
  double decode_whole = 0;
  double time = 0;  ///< ∫ weight / weights in flight dt, in s
};

FlightShare share_of(const Sweep& sweep, const DomainSweep& domain, const FlightIndex& flight);

}  // namespace aieb
