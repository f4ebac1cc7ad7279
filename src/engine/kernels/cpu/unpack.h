#pragma once

#include <cstdint>

#include "engine/kernels/cpu/range.h"

namespace aieb::engine::cpu {

/// A packed matrix, see engine/quantise/packed_matrix.h, with scales as plain float32.
struct PackedRows {
  const void* codes = nullptr;                ///< int8, or two four-bit codes a byte
  const float* levels = nullptr;              ///< [16]; null: eight bits
  const float* scales = nullptr;              ///< [rows]; [blocks], or [runs of scales]
  const std::uint8_t* scale_codes = nullptr;  ///< [blocks] with double quantisation, or null
  const float* scale_levels = nullptr;        ///< [256]
  float scale_offset = 0;
  const std::int64_t* order = nullptr;  ///< stored row of every row, or null
  std::int64_t cols = 0;
  std::int64_t block = 64;
  std::int64_t run = 256;
};

/// Writes rows [rows.begin, rows.end) of the matrix as float32 [rows.size(), cols].
void unpack_rows(const PackedRows& matrix, Range rows, float* out);

}  // namespace aieb::engine::cpu
