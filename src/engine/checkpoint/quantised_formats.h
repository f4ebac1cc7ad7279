#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace aieb::engine {

// Decoders of weights that other tools quantised. All return float32 [out, in].

/// GPTQ (Frantar et al. 2022): `codes` int32 [in·bits/32, out], the lowest bits first along `in`;
/// `zeros` int32 [groups, out·bits/32]; `scales` [groups, out]; `groups` int [in], the group of
/// every input. value = scale · (code − zero − zero_offset), where AutoGPTQ's files store zeros
/// less one (zero_offset 1).
at::Tensor decode_gptq(const at::Tensor& codes, const at::Tensor& zeros, const at::Tensor& scales,
                       const at::Tensor& groups, int64_t bits, int64_t zero_offset);

/// AWQ (Lin et al. 2023), version "gemm": `codes` int32 [in, out/8], four bits each, where nibbles
/// 0 … 7 of a word are its columns 0, 2, 4, 6, 1, 3, 5, 7; `zeros` int32 [groups, out/8] likewise;
/// `scales` [groups, out].
at::Tensor decode_awq(const at::Tensor& codes, const at::Tensor& zeros, const at::Tensor& scales);

/// FP8 and int8 with scales: `weight` [out, in]; `scale` has one number, one a row, or one for each
/// block of [block_rows, block_cols]. value = weight · scale.
at::Tensor decode_scaled(const at::Tensor& weight, const at::Tensor& scale, int64_t block_rows,
                         int64_t block_cols);

/// compressed-tensors "pack-quantized": `codes` int32 [out, ⌈in·bits/32⌉], the lowest bits first,
/// offset by 2^(bits−1); `scales` [out, groups]; `zeros` int [out, groups] or undefined.
at::Tensor decode_packed_rows(const at::Tensor& codes, const at::Tensor& scales,
                              const at::Tensor& zeros, int64_t in, int64_t bits);

/// int32 words along the last dimension as their fields of `bits` bits, the lowest first.
at::Tensor unpack_words(const at::Tensor& words, int64_t bits);

}  // namespace aieb::engine
