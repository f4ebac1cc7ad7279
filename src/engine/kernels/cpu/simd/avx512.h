#pragma once

// 16 lanes of AVX-512. The same names exist in avx2.h and portable.h; the kernels in
// kernels.inc.h are written once over them and compiled for each.

#include <immintrin.h>

#include "engine/kernels/cpu/dtype.h"

#define AIEB_SIMD_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")))
#define AIEB_SIMD inline __attribute__((always_inline)) AIEB_SIMD_TARGET

namespace aieb::engine::cpu::avx512 {

inline constexpr int kLanes = 16;

struct Vec {
  __m512 v;
};

AIEB_SIMD Vec splat(float value) { return {_mm512_set1_ps(value)}; }

AIEB_SIMD Vec from_bf16(__m256i bits) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
}

AIEB_SIMD Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
AIEB_SIMD Vec load(const Bf16* p) {
  return from_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
AIEB_SIMD Vec load(const F16* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

AIEB_SIMD __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1u); }

/// Loads n < kLanes elements; the other lanes are zero.
AIEB_SIMD Vec load_n(const float* p, int n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
AIEB_SIMD Vec load_n(const Bf16* p, int n) {
  return from_bf16(_mm256_maskz_loadu_epi16(first(n), p));
}
AIEB_SIMD Vec load_n(const F16* p, int n) {
  return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p))};
}

AIEB_SIMD void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
AIEB_SIMD void store_n(float* p, Vec a, int n) { _mm512_mask_storeu_ps(p, first(n), a.v); }

AIEB_SIMD Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
AIEB_SIMD Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
AIEB_SIMD Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
AIEB_SIMD Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
AIEB_SIMD Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
/// A NaN in `b` stays.
AIEB_SIMD Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
AIEB_SIMD Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
AIEB_SIMD Vec abs(Vec a) { return {_mm512_abs_ps(a.v)}; }
AIEB_SIMD Vec round(Vec a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
/// 2^a for integral a in [-127, 127]; -127 gives 0.
AIEB_SIMD Vec pow2(Vec a) {
  const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(a.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(biased, 23))};
}
/// `yes` where a < b, else `no`.
AIEB_SIMD Vec select_less(Vec a, Vec b, Vec yes, Vec no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
}
/// out[i] = sum of the lanes of v[i].
AIEB_SIMD void sum4(const Vec (&v)[4], float* out) {
  const __m512 ab =
      _mm512_add_ps(_mm512_unpacklo_ps(v[0].v, v[1].v), _mm512_unpackhi_ps(v[0].v, v[1].v));
  const __m512 cd =
      _mm512_add_ps(_mm512_unpacklo_ps(v[2].v, v[3].v), _mm512_unpackhi_ps(v[2].v, v[3].v));
  const __m512 lanes = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44),
                                     _mm512_shuffle_ps(ab, cd, 0xee));  // a b c d, four times
  const __m256 half =
      _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1)));
}
AIEB_SIMD float sum(Vec a) { return _mm512_reduce_add_ps(a.v); }
AIEB_SIMD float max_of(Vec a) { return _mm512_reduce_max_ps(a.v); }

/// Into the first-level cache.
AIEB_SIMD void prefetch(const void* p) { _mm_prefetch(p, _MM_HINT_T0); }
/// Into the first-level cache for one use: the second level keeps what it has.
AIEB_SIMD void prefetch_once(const void* p) { _mm_prefetch(p, _MM_HINT_NTA); }
/// Into the second-level cache.
AIEB_SIMD void prefetch_second(const void* p) { _mm_prefetch(p, _MM_HINT_T1); }

}  // namespace aieb::engine::cpu::avx512
