#pragma once

#include <cstdint>
#include <iostream>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "engine/kernels/cpu/dtype.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/cpu/vector.h"

namespace aieb::engine::cpu {

/// Fresh random numbers per run; the seed is printed with every failure and can be fixed with
/// AIEB_TEST_SEED.
class Random {
 public:
  Random() : seed_(choose_seed()), engine_(seed_) {}
  [[nodiscard]] unsigned seed() const { return seed_; }
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  std::vector<float> normal(std::int64_t n, float deviation = 1) {
    std::normal_distribution<float> distribution(0, deviation);
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) value = distribution(engine_);
    return values;
  }

 private:
  static unsigned choose_seed() {
    const char* fixed = std::getenv("AIEB_TEST_SEED");
    return fixed ? static_cast<unsigned>(std::stoul(fixed)) : std::random_device{}();
  }
  unsigned seed_;
  std::mt19937 engine_;
};

/// Values as they are after storage in `dtype`, and the storage.
struct Stored {
  std::vector<std::byte> bytes;
  std::vector<float> values;

  Stored(DType dtype, const std::vector<float>& exact)
      : bytes(exact.size() * size_of(dtype)), values(exact.size()) {
    const auto n = static_cast<std::int64_t>(exact.size());
    store_as(dtype, exact.data(), bytes.data(), n);
    load_from(dtype, bytes.data(), values.data(), n);
  }
};

/// Runs the test once for every instruction set of this machine.
class EveryIsa : public testing::TestWithParam<Isa> {
 protected:
  ForcedIsa forced_{GetParam()};
  Random random_;
  testing::ScopedTrace trace_{__FILE__, __LINE__,
                              "AIEB_TEST_SEED=" + std::to_string(random_.seed())};
};

inline std::string isa_name(const testing::TestParamInfo<Isa>& info) {
  return to_string(info.param);
}

#define AIEB_FOR_EVERY_ISA(suite) \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::ValuesIn(supported_isas()), isa_name)

}  // namespace aieb::engine::cpu
