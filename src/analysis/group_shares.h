#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "analysis/attribution.h"
#include "analysis/flight.h"
#include "core/quantity.h"
#include "core/results.h"

namespace aieb {

/// What domains that are read together add to an energy: their times are off together, so that
/// random parts add linearly; each has a gain of its own.
class SharedPart {
 public:
  void add(double value, double systematic, double random) {
    known_ = true;
    value_ += value;
    systematic_ = std::hypot(systematic_, systematic);
    random_ += random;
  }
  /// Adds it to what other domains gave, which is independent of it.
  void add_to(Quantity& sum) const {
    if (!known_) return;
    sum.value = sum.value.value_or(0) + value_;
    sum.systematic = std::hypot(sum.systematic, systematic_);
    sum.random = std::hypot(sum.random, random_);
  }

 private:
  bool known_ = false;
  double value_ = 0;
  double systematic_ = 0;
  double random_ = 0;
};

struct RequestPart {
  SharedPart energy;
  SharedPart active;
};

/// What domains that are read together give to each flight and to the sums.
struct GroupShares {
  explicit GroupShares(size_t flights) : requests(flights) {}

  std::vector<RequestPart> requests;  ///< by flight; those of no request stay empty
  SharedPart unattributed;
  SharedPart preparing;
  SharedPart before_first_token;
  SharedPart after_first_token;

  void add_to(std::span<const Flight> flights, std::vector<RequestResult>& results,
              Attribution& sums) const {
    for (size_t i = 0; i < flights.size(); ++i) {
      if (!flights[i].result) continue;
      requests[i].energy.add_to(results[*flights[i].result].energy);
      requests[i].active.add_to(results[*flights[i].result].active_energy);
    }
    unattributed.add_to(sums.unattributed);
    preparing.add_to(sums.preparing);
    before_first_token.add_to(sums.before_first_token);
    after_first_token.add_to(sums.after_first_token);
  }
};

}  // namespace aieb
