#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>

namespace aieb {

/// Seed of random tests: AIEB_TEST_SEED, else a fixed one. Printed, so a failure can be repeated.
inline uint64_t test_seed() {
  const char* given = std::getenv("AIEB_TEST_SEED");
  const uint64_t seed = given == nullptr ? 20260131 : std::strtoull(given, nullptr, 10);
  std::cout << "AIEB_TEST_SEED=" << seed << '\n';
  return seed;
}

}  // namespace aieb
