#include "engine/checkpoint/quantised_formats.h"

#include <ATen/ATen.h>

namespace aieb::engine {

at::Tensor unpack_words(const at::Tensor& words, int64_t bits) {
  constexpr int64_t kWord = 32;
  const at::Tensor shifts = at::arange(0, kWord, bits, at::kInt);
  const auto mask = static_cast<int64_t>((uint64_t{1} << bits) - 1);
  return words.unsqueeze(-1).bitwise_right_shift(shifts).bitwise_and(mask).flatten(-2);
}

at::Tensor decode_gptq(const at::Tensor& codes, const at::Tensor& zeros, const at::Tensor& scales,
                       const at::Tensor& groups, int64_t bits, int64_t zero_offset) {
  const at::Tensor values = unpack_words(codes.t(), bits).t();
  const at::Tensor centers = unpack_words(zeros, bits) + zero_offset;
  const at::Tensor of = groups.to(at::kLong);
  const at::Tensor distance = values - centers.index_select(0, of);
  return (scales.to(at::kFloat).index_select(0, of) * distance).t();
}

at::Tensor decode_awq(const at::Tensor& codes, const at::Tensor& zeros, const at::Tensor& scales) {
  constexpr int64_t kBits = 4;
  const at::Tensor nibble_of_column = at::tensor({0, 4, 1, 5, 2, 6, 3, 7}, at::kLong);
  const auto columns = [&](const at::Tensor& words) {
    return unpack_words(words, kBits)
        .unflatten(-1, {-1, 8})
        .index_select(-1, nibble_of_column)
        .flatten(-2);
  };
  const int64_t group = codes.size(0) / scales.size(0);
  const at::Tensor distance =
      columns(codes).unflatten(0, {-1, group}) - columns(zeros).unsqueeze(1);
  return (distance * scales.to(at::kFloat).unsqueeze(1)).flatten(0, 1).t();
}

at::Tensor decode_scaled(const at::Tensor& weight, const at::Tensor& scale, int64_t block_rows,
                         int64_t block_cols) {
  const at::Tensor values = weight.to(at::kFloat);
  const at::Tensor factor = scale.to(at::kFloat);
  if (factor.numel() == 1) return values * factor.reshape({});
  if (factor.numel() == values.size(0)) return values * factor.reshape({-1, 1});
  return values * factor.repeat_interleave(block_rows, 0)
                      .narrow(0, 0, values.size(0))
                      .repeat_interleave(block_cols, 1)
                      .narrow(1, 0, values.size(1));
}

at::Tensor decode_packed_rows(const at::Tensor& codes, const at::Tensor& scales,
                              const at::Tensor& zeros, int64_t in, int64_t bits) {
  const at::Tensor values =
      unpack_words(codes, bits).narrow(-1, 0, in) - (int64_t{1} << (bits - 1));
  const int64_t group = (in + scales.size(1) - 1) / scales.size(1);
  const auto spread = [&](const at::Tensor& by_group) {
    return by_group.repeat_interleave(group, 1).narrow(1, 0, in);
  };
  const at::Tensor distance = zeros.defined() ? values - spread(zeros) : values;
  return spread(scales.to(at::kFloat)) * distance;
}

}  // namespace aieb::engine
