#include "engine/kernels/cpu/unpack.h"

#include <algorithm>
#include <array>

namespace aieb::engine::cpu {
namespace {

/// The two values of every byte, so that one load decodes both.
using PairTable = std::array<std::array<float, 2>, 256>;

PairTable pairs_of(const float* levels) {
  PairTable table;
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = {levels[byte >> 4], levels[byte & 15]};
  }
  return table;
}

float scale_of(const PackedRows& m, std::int64_t block) {
  if (m.scale_codes == nullptr) return m.scales[block];
  return m.scale_offset + m.scale_levels[m.scale_codes[block]] * m.scales[block / m.run];
}

/// Elements [first, first + count) of the flat matrix, which lie in one block.
void unpack_piece(const PackedRows& m, const PairTable& table, std::int64_t first,
                  std::int64_t count, float* out) {
  const auto* codes = static_cast<const std::uint8_t*>(m.codes);
  const float scale = scale_of(m, first / m.block);
  std::int64_t i = 0;
  if (first % 2 != 0) out[i++] = table[codes[first / 2]][1] * scale;
  for (; i + 2 <= count; i += 2) {
    const auto& pair = table[codes[(first + i) / 2]];
    out[i] = pair[0] * scale;
    out[i + 1] = pair[1] * scale;
  }
  if (i < count) out[i] = table[codes[(first + i) / 2]][0] * scale;
}

void unpack_four_bits(const PackedRows& m, const PairTable& table, std::int64_t row, float* out) {
  const std::int64_t begin = row * m.cols;
  for (std::int64_t done = 0; done < m.cols;) {
    const std::int64_t at = begin + done;
    const std::int64_t count = std::min(m.cols - done, m.block - at % m.block);
    unpack_piece(m, table, at, count, out + done);
    done += count;
  }
}

void unpack_eight_bits(const PackedRows& m, std::int64_t row, float* out) {
  const auto* codes = static_cast<const std::int8_t*>(m.codes) + row * m.cols;
  const float scale = m.scales[row];
  for (std::int64_t i = 0; i < m.cols; ++i) out[i] = scale * static_cast<float>(codes[i]);
}

}  // namespace

void unpack_rows(const PackedRows& matrix, Range rows, float* out) {
  PairTable table;
  if (matrix.levels != nullptr) table = pairs_of(matrix.levels);
  for (std::int64_t r = rows.begin; r < rows.end; ++r, out += matrix.cols) {
    const std::int64_t stored = matrix.order ? matrix.order[r] : r;
    if (matrix.levels != nullptr) {
      unpack_four_bits(matrix, table, stored, out);
    } else {
      unpack_eight_bits(matrix, stored, out);
    }
  }
}

}  // namespace aieb::engine::cpu
