#pragma once

// 4 lanes in the compilers' vector extension, which GCC and Clang turn into SSE2 on x86-64 and
// NEON on arm64; see avx512.h for what each name means.

#include <cmath>
#include <cstring>

#include "engine/kernels/cpu/dtype.h"

#define AIEB_SIMD_TARGET
#define AIEB_SIMD inline __attribute__((always_inline))

namespace aieb::engine::cpu::portable {

inline constexpr int kLanes = 4;

using Floats = float __attribute__((vector_size(16)));
using Ints = std::int32_t __attribute__((vector_size(16)));
using Halves = std::uint16_t __attribute__((vector_size(8)));

struct Vec {
  Floats v;
};

AIEB_SIMD Vec splat(float value) { return {Floats{value, value, value, value}}; }

AIEB_SIMD Vec load(const float* p) {
  Vec a;
  std::memcpy(&a.v, p, sizeof(a.v));
  return a;
}
AIEB_SIMD Vec load(const Bf16* p) {
  Halves bits;
  std::memcpy(&bits, p, sizeof(bits));
  return {reinterpret_cast<Floats>(__builtin_convertvector(bits, Ints) << 16)};
}
AIEB_SIMD Vec load(const F16* p) {
  return {Floats{to_float(p[0]), to_float(p[1]), to_float(p[2]), to_float(p[3])}};
}

/// Loads n < kLanes elements; the other lanes are zero.
template <class T>
AIEB_SIMD Vec load_n(const T* p, int n) {
  T lanes[kLanes] = {};
  std::memcpy(lanes, p, static_cast<std::size_t>(n) * sizeof(T));
  return load(lanes);
}

AIEB_SIMD void store(float* p, Vec a) { std::memcpy(p, &a.v, sizeof(a.v)); }
AIEB_SIMD void store_n(float* p, Vec a, int n) {
  std::memcpy(p, &a.v, static_cast<std::size_t>(n) * sizeof(float));
}

AIEB_SIMD Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
AIEB_SIMD Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
AIEB_SIMD Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
AIEB_SIMD Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
AIEB_SIMD Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
AIEB_SIMD Vec select_less(Vec a, Vec b, Vec yes, Vec no) {
  const Ints less = a.v < b.v;
  const Ints bits = (less & reinterpret_cast<Ints>(yes.v)) | (~less & reinterpret_cast<Ints>(no.v));
  return {reinterpret_cast<Floats>(bits)};
}
AIEB_SIMD Vec max(Vec a, Vec b) { return select_less(b, a, a, b); }
AIEB_SIMD Vec min(Vec a, Vec b) { return select_less(a, b, a, b); }
AIEB_SIMD Vec abs(Vec a) {
  return {reinterpret_cast<Floats>(reinterpret_cast<Ints>(a.v) & 0x7fffffff)};
}
/// To nearest even, for |a| < 2^22: adding 1.5 * 2^23 pushes the fraction out of the mantissa.
AIEB_SIMD Vec round(Vec a) { return {(a.v + 0x1.8p23f) - 0x1.8p23f}; }
AIEB_SIMD Vec pow2(Vec a) {
  const Ints biased = __builtin_convertvector(a.v, Ints) + 127;
  return {reinterpret_cast<Floats>(biased << 23)};
}
AIEB_SIMD float sum(Vec a);
AIEB_SIMD void sum4(const Vec (&v)[4], float* out) {
  for (int i = 0; i < 4; ++i) out[i] = sum(v[i]);
}
AIEB_SIMD float sum(Vec a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
AIEB_SIMD float max_of(Vec a) {
  return std::fmax(std::fmax(a.v[0], a.v[2]), std::fmax(a.v[1], a.v[3]));
}

AIEB_SIMD void prefetch(const void* p) { __builtin_prefetch(p); }
AIEB_SIMD void prefetch_once(const void* p) { __builtin_prefetch(p, 0, 0); }
AIEB_SIMD void prefetch_second(const void* p) { __builtin_prefetch(p, 0, 2); }

}  // namespace aieb::engine::cpu::portable
