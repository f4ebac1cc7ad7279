#include "engine/quantise/packed_matrix.h"

#include <random>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/kernels/aten_ops.h"
#include "engine/kernels/cpu_ops.h"

namespace aieb::engine {
namespace {

const Quantisation kEightBits{.four_bits = false, .compute = {}};
const Quantisation kFp4{};
const Quantisation kNf4{.type = FourBits::kNf4, .compute = {}};
const Quantisation kDouble{.type = FourBits::kNf4, .double_quantisation = true, .compute = {}};

TEST(PackedMatrix, holds_what_is_within_half_a_level_of_the_weights) {
  at::manual_seed(std::random_device{}());
  const at::Tensor dense = at::randn({37, 71});
  const at::Tensor largest = dense.abs().max();
  const auto error = [&](const Quantisation& how) {
    const at::Tensor unpacked = unpack(pack(dense, how), at::kFloat, at::kFloat);
    return ((unpacked - dense).abs().max() / largest).item<double>();
  };
  EXPECT_LT(error(kEightBits), 0.5 / 127 + 1e-3);  // and float16's rounding
  EXPECT_LT(error(kNf4), 0.16);
  EXPECT_LT(error(kFp4), 0.17);
  EXPECT_LT(error(kDouble), 0.18);
}

TEST(PackedMatrix, keeps_blocks_of_zeros) {
  const at::Tensor dense = at::zeros({3, 50});
  for (const auto& how : {kEightBits, kFp4, kNf4}) {
    EXPECT_TRUE(unpack(pack(dense, how), at::kFloat, at::kFloat).equal(dense));
  }
}

TEST(PackedMatrix, is_multiplied_alike_by_both_implementations) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  at::manual_seed(seed);
  std::mt19937 random(seed);
  const auto pick = [&random](int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  };
  const AtenOps aten;
  const CpuOps own(2);
  for (int round = 0; round < 24; ++round) {
    const int64_t cols = pick(1, 300);
    Linear linear;
    for (int64_t part = pick(1, 3); part > 0; --part) {
      const Quantisation hows[] = {kEightBits, kFp4, kNf4, kDouble};
      PackedMatrix matrix = pack(at::randn({pick(1, 90), cols}), hows[round % 4]);
      if (pick(0, 1) == 1) matrix.order = at::randperm(matrix.rows);
      linear.packed.push_back(matrix);
    }
    if (pick(0, 1) == 1) linear.bias = at::randn({linear.out_features()});
    const at::Tensor x = at::randn({pick(1, 11), cols});
    at::Tensor expected = at::empty({x.size(0), linear.out_features()});
    at::Tensor got = at::empty_like(expected);
    aten.linear(linear, x, expected);
    own.linear(linear, x, got);
    EXPECT_TRUE(at::allclose(got, expected, 1e-4, 1e-4)) << "round " << round;
    aten.linear_add(linear, x, expected);
    own.linear_add(linear, x, got);
    EXPECT_TRUE(at::allclose(got, expected, 1e-4, 1e-4)) << "round " << round;
  }
}

}  // namespace
}  // namespace aieb::engine
