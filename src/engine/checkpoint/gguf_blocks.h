#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace aieb::engine {

/// How a GGUF tensor type stores its elements: blocks of `block_elements` in `block_bytes` bytes.
struct GgufType {
  uint32_t id;       ///< ggml_type
  const char* name;  ///< as ggml writes it
  int64_t block_elements;
  size_t block_bytes;
  /// Writes `block_elements` floats from one block. Null for plain types, which need no decoding.
  void (*decode)(const uint8_t* block, float* out);
  at::ScalarType plain;  ///< element type of a plain type
};

/// Null for types that are not supported.
const GgufType* find_gguf_type(uint32_t id);

/// "F32, F16, BF16, Q4_0, …", for messages.
std::string supported_gguf_types();

/// Decodes `elements` (a multiple of the block size) to float32 on all threads.
void decode_blocks(const GgufType& type, const uint8_t* data, int64_t elements, float* out);

}  // namespace aieb::engine
