#pragma once

// 8 lanes of AVX2; see avx512.h for what each name means.

#include <cstring>

#include <immintrin.h>

#include "engine/kernels/cpu/dtype.h"

#define AIEB_SIMD_TARGET __attribute__((target("avx2,fma,f16c")))
#define AIEB_SIMD inline __attribute__((always_inline)) AIEB_SIMD_TARGET

namespace aieb::engine::cpu::avx2 {

inline constexpr int kLanes = 8;

struct Vec {
  __m256 v;
};

AIEB_SIMD Vec splat(float value) { return {_mm256_set1_ps(value)}; }

AIEB_SIMD Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
AIEB_SIMD Vec load(const Bf16* p) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16))};
}
AIEB_SIMD Vec load(const F16* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}

/// Loads n < kLanes elements; the other lanes are zero.
template <class T>
AIEB_SIMD Vec load_n(const T* p, int n) {
  T lanes[kLanes] = {};
  std::memcpy(lanes, p, static_cast<std::size_t>(n) * sizeof(T));
  return load(lanes);
}

AIEB_SIMD void store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
AIEB_SIMD void store_n(float* p, Vec a, int n) {
  float lanes[kLanes];
  store(lanes, a);
  std::memcpy(p, lanes, static_cast<std::size_t>(n) * sizeof(float));
}

AIEB_SIMD Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
AIEB_SIMD Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
AIEB_SIMD Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
AIEB_SIMD Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
AIEB_SIMD Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
AIEB_SIMD Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
AIEB_SIMD Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
AIEB_SIMD Vec abs(Vec a) {
  return {_mm256_and_ps(a.v, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)))};
}
AIEB_SIMD Vec round(Vec a) {
  return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
AIEB_SIMD Vec pow2(Vec a) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(a.v), _mm256_set1_epi32(127));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(biased, 23))};
}
AIEB_SIMD Vec select_less(Vec a, Vec b, Vec yes, Vec no) {
  return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
}
AIEB_SIMD void sum4(const Vec (&v)[4], float* out) {
  const __m256 ab =
      _mm256_add_ps(_mm256_unpacklo_ps(v[0].v, v[1].v), _mm256_unpackhi_ps(v[0].v, v[1].v));
  const __m256 cd =
      _mm256_add_ps(_mm256_unpacklo_ps(v[2].v, v[3].v), _mm256_unpackhi_ps(v[2].v, v[3].v));
  const __m256 lanes =
      _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  _mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1)));
}
AIEB_SIMD float sum(Vec a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
AIEB_SIMD float max_of(Vec a) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

AIEB_SIMD void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
AIEB_SIMD void prefetch_once(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_NTA);
}
AIEB_SIMD void prefetch_second(const void* p) {
  _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1);
}

}  // namespace aieb::engine::cpu::avx2
