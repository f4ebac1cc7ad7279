#pragma once

#include <cstdint>

namespace aieb {

/// Random numbers that are the same on every platform for the same seed, unlike std distributions.
/// Generator: splitmix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  /// Uniform in all 64-bit numbers.
  uint64_t next();

  /// Uniform in [0, bound), without bias; `bound` is above 0.
  uint64_t below(uint64_t bound);

  /// Uniform in (0, 1], in steps of 2⁻⁵³.
  double uniform();

  /// Mean 1.
  double exponential();

  /// Mean 0, standard deviation 1 (Box and Muller 1958).
  double normal();

  /// Gamma with this shape and scale 1: mean and variance are `shape`, which is above 0
  /// (Marsaglia and Tsang 2000).
  double gamma(double shape);

 private:
  uint64_t state_;
};

/// A seed for one use of a run's seed, independent of its other uses.
uint64_t derived_seed(uint64_t seed, uint64_t use);

}  // namespace aieb
