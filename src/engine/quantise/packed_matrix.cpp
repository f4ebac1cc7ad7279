#include "engine/quantise/packed_matrix.h"

#include <array>
#include <cmath>

#include <ATen/ATen.h>

namespace aieb::engine {
namespace {

constexpr double kInt8Levels = 127;
constexpr double kSmallest = 1e-38;  // bitsandbytes' guard for blocks of zeros

/// Elements in blocks of `size`, the last one filled up with zeros.
at::Tensor in_blocks(const at::Tensor& flat, int64_t size) {
  const int64_t rest = flat.numel() % size;
  return (rest == 0 ? flat : at::constant_pad_nd(flat, {0, size - rest})).view({-1, size});
}

at::Tensor in_blocks(const at::Tensor& flat, int64_t size, const at::Tensor& scales) {
  const int64_t count = flat.numel();
  return (in_blocks(flat, size) * scales.unsqueeze(1)).view({-1}).narrow(0, 0, count);
}

struct Blocks {
  at::Tensor scaled;  ///< [elements] within ±1
  at::Tensor scales;  ///< [blocks]
};

Blocks scale_blocks(const at::Tensor& flat, int64_t size) {
  const at::Tensor blocks = in_blocks(flat, size);
  const at::Tensor scales = std::get<0>(blocks.abs().max(-1));
  const at::Tensor scaled = (blocks * scales.clamp_min(kSmallest).reciprocal().unsqueeze(1));
  return {scaled.clamp(-1, 1).view({-1}).narrow(0, 0, flat.numel()), scales};
}

/// Index of the nearest of sorted `levels` for every value; a value halfway goes to the lower one.
at::Tensor nearest(const at::Tensor& values, const at::Tensor& levels) {
  const int64_t last = levels.numel() - 1;
  const at::Tensor bounds = (levels.narrow(0, 0, last) + levels.narrow(0, 1, last)) / 2;
  return at::bucketize(values, bounds);
}

/// The signed 8-bit dynamic type (Dettmers et al. 2021, arXiv:2110.02861, section 2.3): seven
/// decades, whose fractions have more bits the larger they are.
at::Tensor dynamic_levels() {
  constexpr int kDecades = 7;
  std::vector<float> levels = {0, 1};
  for (int decade = 0; decade < kDecades; ++decade) {
    const at::Tensor bounds = at::linspace(0.1, 1, (int64_t{1} << decade) + 1, at::kFloat);
    const int64_t count = bounds.numel() - 1;
    const at::Tensor means = (bounds.narrow(0, 0, count) + bounds.narrow(0, 1, count)) / 2;
    const at::Tensor scaled = means * std::pow(10.0, decade - (kDecades - 1));
    for (int64_t i = 0; i < count; ++i) {
      levels.push_back(scaled[i].item<float>());
      levels.push_back(-levels.back());
    }
  }
  return std::get<0>(at::tensor(levels).sort());
}

PackedMatrix pack_eight_bits(const at::Tensor& dense) {
  PackedMatrix packed;
  // bitsandbytes quantises what it has rounded to float16.
  const at::Tensor rows = dense.to(at::kHalf).to(at::kFloat);
  const at::Tensor largest = std::get<0>(rows.abs().max(1)).clamp_min(kSmallest);
  packed.codes = (rows * (kInt8Levels / largest).unsqueeze(1)).round().to(at::kChar);
  packed.scales = largest / kInt8Levels;
  return packed;
}

void pack_scales(PackedMatrix& packed) {
  const at::Tensor mean = packed.scales.mean();
  const Blocks runs = scale_blocks(packed.scales - mean, packed.run);
  packed.scale_levels = dynamic_levels().to(packed.scales.device());
  packed.scale_codes = nearest(runs.scaled, packed.scale_levels).to(at::kByte);
  packed.scales = runs.scales;
  packed.scale_offset = mean.item<float>();
}

PackedMatrix pack_four_bits(const at::Tensor& dense, const Quantisation& how) {
  PackedMatrix packed;
  packed.levels = four_bit_levels(how.type).to(dense.device());
  const Blocks blocks = scale_blocks(dense.to(at::kFloat).reshape({-1}), packed.block);
  const auto [sorted, code_of] = packed.levels.sort();
  at::Tensor codes = code_of.index_select(0, nearest(blocks.scaled, sorted)).to(at::kByte);
  if (codes.numel() % 2 != 0) codes = at::constant_pad_nd(codes, {0, 1});
  const at::Tensor pairs = codes.view({-1, 2});
  packed.codes = pairs.select(1, 0).bitwise_left_shift(4).bitwise_or(pairs.select(1, 1));
  packed.scales = blocks.scales;
  if (how.double_quantisation) pack_scales(packed);
  return packed;
}

}  // namespace

int64_t PackedMatrix::bytes() const {
  int64_t total = 0;
  for (const auto* tensor : {&codes, &scales, &levels, &scale_codes, &scale_levels, &order}) {
    if (tensor->defined()) total += static_cast<int64_t>(tensor->nbytes());
  }
  return total;
}

PackedMatrix PackedMatrix::to(at::Device device) const {
  PackedMatrix moved = *this;
  for (auto* tensor : {&moved.codes, &moved.scales, &moved.levels, &moved.scale_codes,
                       &moved.scale_levels, &moved.order}) {
    if (tensor->defined()) *tensor = tensor->to(device).contiguous();
  }
  return moved;
}

at::Tensor block_scales(const PackedMatrix& matrix) {
  if (!matrix.scale_codes.defined()) return matrix.scales;
  const at::Tensor values = matrix.scale_levels.index_select(0, matrix.scale_codes.to(at::kInt));
  return in_blocks(values, matrix.run, matrix.scales) + matrix.scale_offset;
}

at::Tensor unpack(const PackedMatrix& matrix, at::ScalarType stored, at::ScalarType type) {
  at::Tensor dense;
  if (matrix.four_bits()) {
    const at::Tensor codes =
        at::stack({matrix.codes.bitwise_right_shift(4), matrix.codes.bitwise_and(15)}, -1)
            .view({-1})
            .narrow(0, 0, matrix.rows * matrix.cols);
    const at::Tensor values = matrix.levels.index_select(0, codes.to(at::kInt));
    dense = in_blocks(values, matrix.block, block_scales(matrix)).view({matrix.rows, matrix.cols});
  } else {
    dense = matrix.codes.to(at::kFloat) * matrix.scales.unsqueeze(1);
  }
  dense = dense.to(stored).to(type);
  return matrix.order.defined() ? dense.index_select(0, matrix.order) : dense;
}

PackedMatrix pack(const at::Tensor& dense, const Quantisation& how) {
  PackedMatrix packed = how.four_bits ? pack_four_bits(dense, how) : pack_eight_bits(dense);
  packed.rows = dense.size(0);
  packed.cols = dense.size(1);
  return packed;
}

at::Tensor four_bit_levels(FourBits type) {
  // NF4: quantiles of the normal distribution, QLoRA, appendix E.
  constexpr std::array kNormal = {-1.0F,
                                  -0.6961928009986877F,
                                  -0.5250730514526367F,
                                  -0.39491748809814453F,
                                  -0.28444138169288635F,
                                  -0.18477343022823334F,
                                  -0.09105003625154495F,
                                  0.0F,
                                  0.07958029955625534F,
                                  0.16093020141124725F,
                                  0.24611230194568634F,
                                  0.33791524171829224F,
                                  0.44070982933044434F,
                                  0.5626170039176941F,
                                  0.7229568362236023F,
                                  1.0F};
  // FP4: sign, two bits of exponent, one of fraction, as bitsandbytes numbers them.
  constexpr std::array kFloat4 = {0.0F,  0.0625F,  8.0F,  12.0F,  4.0F,  6.0F,  2.0F,  3.0F,
                                  -0.0F, -0.0625F, -8.0F, -12.0F, -4.0F, -6.0F, -2.0F, -3.0F};
  if (type == FourBits::kNf4) return at::tensor(at::ArrayRef<float>(kNormal));
  return at::tensor(at::ArrayRef<float>(kFloat4)) / 12.0F;
}

}  // namespace aieb::engine
