#pragma once

#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

namespace aieb::engine {

/// One matrix [rows, cols] in a format of bitsandbytes, as it lies in its checkpoints.
///
/// Eight bits (LLM.int8, Dettmers et al. 2022, arXiv:2208.07339): value = code · scale of its row,
/// where a row's scale is its largest magnitude / 127.
///
/// Four bits (QLoRA, Dettmers et al. 2023, arXiv:2305.14314): the elements in row-major order in
/// blocks; value = level[code] · scale of its block, where a block's scale is its largest magnitude
/// and the levels lie within ±1. Two codes a byte, the first in the high half. With double
/// quantisation the scales themselves are 8-bit codes: scale = offset + level[code] · scale of its
/// run of 256 scales.
struct PackedMatrix {
  int64_t rows = 0;
  int64_t cols = 0;
  at::Tensor codes;   ///< int8 [rows, cols], or uint8 [⌈rows·cols / 2⌉]
  at::Tensor scales;  ///< float32 [rows] or [blocks]; with double quantisation [⌈blocks / run⌉]
  at::Tensor levels;  ///< float32 [16]; undefined: eight bits
  int64_t block = 64;
  // double quantisation
  at::Tensor scale_codes;   ///< uint8 [blocks], or undefined
  at::Tensor scale_levels;  ///< float32 [256]
  double scale_offset = 0;
  int64_t run = 256;

  at::Tensor order;  ///< int64 [rows]: the stored row of every row; undefined: as they are

  [[nodiscard]] bool four_bits() const { return levels.defined(); }
  [[nodiscard]] int64_t bytes() const;
  [[nodiscard]] PackedMatrix to(at::Device device) const;
};

/// The dense matrix, rows in `order`: float32 products rounded to `stored` (what the format says
/// the weights were), then to `type`.
at::Tensor unpack(const PackedMatrix& matrix, at::ScalarType stored, at::ScalarType type);

/// The scales of all blocks, float32, of a four-bit matrix.
at::Tensor block_scales(const PackedMatrix& matrix);

enum class FourBits { kFp4, kNf4 };

/// How weights are quantised when they are loaded.
struct Quantisation {
  bool four_bits = true;  ///< else LLM.int8
  FourBits type = FourBits::kFp4;
  bool double_quantisation = false;
  /// Type of the products on a GPU and in prompts; absent: float32, bitsandbytes' default.
  std::optional<at::ScalarType> compute;
};

/// Quantises a dense matrix [rows, cols] as bitsandbytes does.
PackedMatrix pack(const at::Tensor& dense, const Quantisation& how);

/// The 16 levels of a four-bit type, float32, by code.
at::Tensor four_bit_levels(FourBits type);

}  // namespace aieb::engine
