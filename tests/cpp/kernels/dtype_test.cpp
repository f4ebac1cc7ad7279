#include "engine/kernels/cpu/dtype.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace aieb::engine::cpu {
namespace {

TEST(DType, every_16_bit_value_survives_a_round_trip) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float b = to_float(Bf16{half});
    const float f = to_float(F16{half});
    if (std::isnan(b)) {
      EXPECT_TRUE(std::isnan(to_float(to_bf16(b))));
    } else {
      EXPECT_EQ(to_bf16(b).bits, half);
    }
    if (std::isnan(f)) {
      EXPECT_TRUE(std::isnan(to_float(to_f16(f))));
    } else {
      EXPECT_EQ(to_f16(f).bits, half);
    }
  }
}

/// The processor's own conversion (IEEE 754 arithmetic) is the judge.
TEST(DType, binary16_equals_the_compilers_type_for_every_value) {
#if defined(__FLT16_MAX__)
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const auto expected = static_cast<float>(std::bit_cast<_Float16>(half));
    if (std::isnan(expected)) continue;
    ASSERT_EQ(to_float(F16{half}), expected) << bits;
  }
  for (std::uint32_t bits = 0; bits < 0xffffffffu - 4099; bits += 4099) {
    const auto value = std::bit_cast<float>(bits);
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_f16(value).bits, std::bit_cast<std::uint16_t>(static_cast<_Float16>(value)))
        << std::hexfloat << value;
  }
#else
  GTEST_SKIP() << "the compiler has no _Float16";
#endif
}

TEST(DType, bfloat16_rounds_halves_to_even) {
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f808000u)).bits, 0x3f80);
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f818000u)).bits, 0x3f82);
  EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f808001u)).bits, 0x3f81);
  EXPECT_EQ(to_float(to_bf16(std::numeric_limits<float>::max())),
            std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace aieb::engine::cpu
