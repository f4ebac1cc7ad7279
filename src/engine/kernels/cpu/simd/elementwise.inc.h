// Part of one instruction set's translation unit: see kernels.inc.h.

namespace detail {

/// e^x for x <= 88; 0 below -87.3. Range reduction by ln 2 in two parts (Cody & Waite), then the
/// Taylor polynomial of degree 7 on |r| <= ln(2)/2: relative error below 2 units in the last place.
AIEB_SIMD Vec exp(Vec x) {
  const Vec lowest = splat(-87.3f);
  const Vec clamped = min(splat(88.f), max(lowest, x));
  const Vec n = round(clamped * splat(1.44269504f));
  Vec r = fma(n, splat(-0.693145751953125f), clamped);  // upper 12 bits of ln 2: n · it is exact
  r = fma(n, splat(-1.42860677e-6f), r);
  Vec p = splat(1.f / 5040);
  p = fma(p, r, splat(1.f / 720));
  p = fma(p, r, splat(1.f / 120));
  p = fma(p, r, splat(1.f / 24));
  p = fma(p, r, splat(1.f / 6));
  p = fma(p, r, splat(0.5f));
  p = fma(p, r, splat(1.f));
  p = fma(p, r, splat(1.f));
  return select_less(x, lowest, splat(0), p * pow2(n));
}

AIEB_SIMD Vec sigmoid(Vec x) { return splat(1) / (splat(1) + exp(splat(0) - x)); }

/// tanh x = 2 σ(2x) − 1; absolute error of a few 1e-8.
AIEB_SIMD Vec tanh(Vec x) { return fma(splat(2), sigmoid(x + x), splat(-1)); }

/// Abramowitz & Stegun, Handbook of Mathematical Functions, 7.1.26; absolute error below 1.5e-7.
AIEB_SIMD Vec erf(Vec x) {
  const Vec a = abs(x);
  const Vec t = splat(1) / fma(splat(0.3275911f), a, splat(1));
  Vec p = splat(1.061405429f);
  p = fma(p, t, splat(-1.453152027f));
  p = fma(p, t, splat(1.421413741f));
  p = fma(p, t, splat(-0.284496736f));
  p = fma(p, t, splat(0.254829592f));
  const Vec positive = splat(1) - p * t * exp(splat(0) - a * a);
  return select_less(x, splat(0), splat(0) - positive, positive);
}

struct Silu {
  AIEB_SIMD Vec operator()(Vec x) const { return x * sigmoid(x); }
};
struct Gelu {
  AIEB_SIMD Vec operator()(Vec x) const {
    return splat(0.5f) * x * (splat(1) + erf(x * splat(0.70710678f)));
  }
};
struct GeluTanh {
  AIEB_SIMD Vec operator()(Vec x) const {
    const Vec inner = splat(0.79788456f) * fma(splat(0.044715f) * x * x, x, x);
    return x * sigmoid(inner + inner);  // (1 + tanh z) / 2 = σ(2z)
  }
};
struct Relu {
  AIEB_SIMD Vec operator()(Vec x) const { return max(splat(0), x); }
};

struct Relu2 {
  AIEB_SIMD Vec operator()(Vec x) const {
    const Vec positive = max(splat(0), x);
    return positive * positive;
  }
};

template <class Act>
struct Gated {
  AIEB_SIMD Vec operator()(Vec gate, Vec up) const { return Act{}(gate)*up; }
};
struct ClampedSwiglu {
  AIEB_SIMD Vec operator()(Vec gate, Vec up) const {
    const Vec limit = splat(7);
    const Vec g = min(limit, gate);
    const Vec u = max(splat(-7), min(limit, up));
    return g * sigmoid(splat(1.702f) * g) * (u + splat(1));
  }
};

template <class F>
AIEB_SIMD_TARGET void map(float* x, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(x + i, F{}(load(x + i)));
  const int rest = static_cast<int>(n - i);
  if (rest > 0) store_n(x + i, F{}(load_n(x + i, rest)), rest);
}

template <class F>
AIEB_SIMD_TARGET void map(const float* x, const float* y, float* out, std::int64_t n) {
  prefetch_all(x, n);
  prefetch_all(y, n);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(out + i, F{}(load(x + i), load(y + i)));
  const int rest = static_cast<int>(n - i);
  if (rest > 0) store_n(out + i, F{}(load_n(x + i, rest), load_n(y + i, rest)), rest);
}

/// Σ (x − center)²; also Σ x with kPower 1 and center 0.
template <int kPower>
AIEB_SIMD float sum_of_powers(const float* x, float center, std::int64_t n) {
  Vec total = splat(0);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vec d = load(x + i) - splat(center);
    total = kPower == 2 ? fma(d, d, total) : total + d;
  }
  float rest = 0;
  for (; i < n; ++i) rest += kPower == 2 ? (x[i] - center) * (x[i] - center) : x[i] - center;
  return sum(total) + rest;
}

template <class T>
AIEB_SIMD Vec scale_and_shift(Vec x, const T* weight, const T* bias, int lanes) {
  const bool full = lanes == kLanes;
  if (weight) x = x * (full ? load(weight) : load_n(weight, lanes));
  if (bias) x = x + (full ? load(bias) : load_n(bias, lanes));
  return x;
}

template <class T>
AIEB_SIMD_TARGET void normalize(const NormWeights& norm, const float* x, float* y,
                                std::int64_t width) {
  prefetch_all(x, width);
  const auto n = static_cast<float>(width);
  const float mean = norm.rms ? 0.f : sum_of_powers<1>(x, 0, width) / n;
  const float variance = sum_of_powers<2>(x, mean, width) / n;
  const Vec inverse = splat(1.f / std::sqrt(variance + norm.eps));
  const T* weight = static_cast<const T*>(norm.weight);
  const T* bias = static_cast<const T*>(norm.bias);
  std::int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    const Vec hat = (load(x + i) - splat(mean)) * inverse;
    store(y + i,
          scale_and_shift(hat, weight ? weight + i : nullptr, bias ? bias + i : nullptr, kLanes));
  }
  const int rest = static_cast<int>(width - i);
  if (rest > 0) {
    const Vec hat = (load_n(x + i, rest) - splat(mean)) * inverse;
    store_n(y + i,
            scale_and_shift(hat, weight ? weight + i : nullptr, bias ? bias + i : nullptr, rest),
            rest);
  }
}

}  // namespace detail

AIEB_SIMD_TARGET void normalize(const NormWeights& norm, const float* x, float* y,
                                std::int64_t width) {
  switch (norm.dtype) {
    case DType::kF32:
      return detail::normalize<float>(norm, x, y, width);
    case DType::kBf16:
      return detail::normalize<Bf16>(norm, x, y, width);
    case DType::kF16:
      return detail::normalize<F16>(norm, x, y, width);
  }
}

AIEB_SIMD_TARGET void activate(Activation activation, float* x, std::int64_t n) {
  switch (activation) {
    case Activation::kSilu:
      return detail::map<detail::Silu>(x, n);
    case Activation::kGelu:
      return detail::map<detail::Gelu>(x, n);
    case Activation::kGeluTanh:
      return detail::map<detail::GeluTanh>(x, n);
    case Activation::kRelu:
      return detail::map<detail::Relu>(x, n);
    case Activation::kRelu2:
      return detail::map<detail::Relu2>(x, n);
    case Activation::kClampedSwiglu:
    case Activation::kXielu:
      break;
  }
  throw std::invalid_argument("this activation does not stand alone");
}

AIEB_SIMD_TARGET void gate(Activation activation, const float* gate, const float* up, float* out,
                           std::int64_t n) {
  using namespace detail;
  switch (activation) {
    case Activation::kSilu:
      return map<Gated<Silu>>(gate, up, out, n);
    case Activation::kGelu:
      return map<Gated<Gelu>>(gate, up, out, n);
    case Activation::kGeluTanh:
      return map<Gated<GeluTanh>>(gate, up, out, n);
    case Activation::kRelu:
      return map<Gated<Relu>>(gate, up, out, n);
    case Activation::kRelu2:
      return map<Gated<Relu2>>(gate, up, out, n);
    case Activation::kClampedSwiglu:
      return map<ClampedSwiglu>(gate, up, out, n);
    case Activation::kXielu:
      break;
  }
  throw std::invalid_argument("this activation is never gated");
}

AIEB_SIMD_TARGET float highest(const float* x, std::int64_t n) {
  Vec best = splat(-INFINITY);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) best = max(load(x + i), best);  // NaN first: ignored
  float result = max_of(best);
  for (; i < n; ++i)
    if (x[i] > result) result = x[i];
  return result;
}
