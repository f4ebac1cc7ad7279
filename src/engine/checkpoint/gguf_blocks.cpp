#include "engine/checkpoint/gguf_blocks.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <ATen/Parallel.h>
#include <c10/util/Half.h>

// Block layouts: ggml-common.h and dequantize_row_* of the ggml project (MIT), as facts. "d" is a
// block's scale, "m" its minimum, both float16; 4-bit halves hold element j and j + 16 (or j + 32).
namespace aieb::engine {
namespace {

float half_at(const uint8_t* bytes) {
  uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return c10::Half(bits, c10::Half::from_bits());
}

uint32_t word_at(const uint8_t* bytes) {
  uint32_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

void decode_q4_0(const uint8_t* block, float* out) {
  const float d = half_at(block);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>((block[2 + j] & 15) - 8);
    out[j + 16] = d * static_cast<float>((block[2 + j] >> 4) - 8);
  }
}

void decode_q4_1(const uint8_t* block, float* out) {
  const float d = half_at(block);
  const float m = half_at(block + 2);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(block[4 + j] & 15) + m;
    out[j + 16] = d * static_cast<float>(block[4 + j] >> 4) + m;
  }
}

/// The fifth bit of element j is bit j of `high`.
int five_bits(uint32_t high, int low, int j) {
  return low | static_cast<int>(((high >> j) & 1U) << 4);
}

void decode_q5_0(const uint8_t* block, float* out) {
  const float d = half_at(block);
  const uint32_t high = word_at(block + 2);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(five_bits(high, block[6 + j] & 15, j) - 16);
    out[j + 16] = d * static_cast<float>(five_bits(high, block[6 + j] >> 4, j + 16) - 16);
  }
}

void decode_q5_1(const uint8_t* block, float* out) {
  const float d = half_at(block);
  const float m = half_at(block + 2);
  const uint32_t high = word_at(block + 4);
  for (int j = 0; j < 16; ++j) {
    out[j] = d * static_cast<float>(five_bits(high, block[8 + j] & 15, j)) + m;
    out[j + 16] = d * static_cast<float>(five_bits(high, block[8 + j] >> 4, j + 16)) + m;
  }
}

void decode_q8_0(const uint8_t* block, float* out) {
  const float d = half_at(block);
  for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(static_cast<int8_t>(block[2 + j]));
}

struct ScaleAndMin {
  int scale;
  int min;
};

/// Entry j (0 … 7) of the 8 six-bit scales and minima that the K types pack into 12 bytes.
ScaleAndMin packed_scale(const uint8_t* packed, int j) {
  if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
  return {(packed[j + 4] & 15) | ((packed[j - 4] >> 6) << 4),
          (packed[j + 4] >> 4) | ((packed[j] >> 6) << 4)};
}

/// Q4_K and Q5_K: 8 groups of 32; groups 2g and 2g+1 are the low and high halves of the same 32
/// bytes; the fifth bits of group n (Q5_K) are bit n of 32 bytes.
void decode_k_groups(const uint8_t* block, const uint8_t* high, const uint8_t* low, float* out) {
  const float d = half_at(block);
  const float m = half_at(block + 2);
  for (int group = 0; group < 8; ++group) {
    const auto [scale, min] = packed_scale(block + 4, group);
    const float group_d = d * static_cast<float>(scale);
    const float group_m = m * static_cast<float>(min);
    const uint8_t* bytes = low + 32 * (group / 2);
    for (int j = 0; j < 32; ++j) {
      int q = group % 2 == 0 ? bytes[j] & 15 : bytes[j] >> 4;
      if (high != nullptr) q |= ((high[j] >> group) & 1) << 4;
      out[32 * group + j] = group_d * static_cast<float>(q) - group_m;
    }
  }
}

void decode_q4_k(const uint8_t* block, float* out) {
  decode_k_groups(block, nullptr, block + 16, out);
}

void decode_q5_k(const uint8_t* block, float* out) {
  decode_k_groups(block, block + 16, block + 48, out);
}

/// 128 bytes of low nibbles, 64 of two-bit highs, 16 int8 scales (one per 16 elements), d.
void decode_q6_k(const uint8_t* block, float* out) {
  const float d = half_at(block + 208);
  const auto* scales = reinterpret_cast<const int8_t*>(block + 192);
  for (int j = 0; j < 256; ++j) {
    const int half = j / 128;  // each half has its own 64 low and 32 high bytes
    const int quarter = j % 128 / 32;
    const int lane = j % 32;
    const uint8_t low = block[64 * half + 32 * (quarter % 2) + lane];
    const uint8_t high = block[128 + 32 * half + lane];
    const int nibble = quarter < 2 ? low & 15 : low >> 4;
    const int q = (nibble | (((high >> (2 * quarter)) & 3) << 4)) - 32;
    out[j] = d * static_cast<float>(scales[j / 16]) * static_cast<float>(q);
  }
}

constexpr std::array kTypes = {
    GgufType{0, "F32", 1, 4, nullptr, at::kFloat},
    GgufType{1, "F16", 1, 2, nullptr, at::kHalf},
    GgufType{30, "BF16", 1, 2, nullptr, at::kBFloat16},
    GgufType{2, "Q4_0", 32, 18, decode_q4_0, at::kFloat},
    GgufType{3, "Q4_1", 32, 20, decode_q4_1, at::kFloat},
    GgufType{6, "Q5_0", 32, 22, decode_q5_0, at::kFloat},
    GgufType{7, "Q5_1", 32, 24, decode_q5_1, at::kFloat},
    GgufType{8, "Q8_0", 32, 34, decode_q8_0, at::kFloat},
    GgufType{12, "Q4_K", 256, 144, decode_q4_k, at::kFloat},
    GgufType{13, "Q5_K", 256, 176, decode_q5_k, at::kFloat},
    GgufType{14, "Q6_K", 256, 210, decode_q6_k, at::kFloat},
};

}  // namespace

const GgufType* find_gguf_type(uint32_t id) {
  const auto* found = std::ranges::find(kTypes, id, &GgufType::id);
  return found == kTypes.end() ? nullptr : found;
}

std::string supported_gguf_types() {
  std::string names;
  for (const auto& type : kTypes) names += (names.empty() ? "" : ", ") + std::string(type.name);
  return names;
}

void decode_blocks(const GgufType& type, const uint8_t* data, int64_t elements, float* out) {
  constexpr int64_t kGrain = 256;  // blocks a task, well above the cost of starting it
  at::parallel_for(0, elements / type.block_elements, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      type.decode(data + static_cast<size_t>(block) * type.block_bytes,
                  out + block * type.block_elements);
    }
  });
}

}  // namespace aieb::engine
