// Part of one instruction set's translation unit: see kernels.inc.h.

namespace detail {

/// Positions scored at once: one block's scores for a group of heads stay in the first-level cache.
inline constexpr int kBlock = 64;
/// Query heads that share one pass over keys and values.
inline constexpr int kHeadTile = kLanes == 16 ? 4 : 2;
/// Vectors of output columns held in registers by one pass over values.
inline constexpr int kColumnTile = kLanes == 16 ? 4 : 2;

/// The running softmax of one query head, in the layout of a part.
struct Running {
  float* part;
  AIEB_SIMD float& max() const { return part[0]; }
  AIEB_SIMD float& sum() const { return part[1]; }
  AIEB_SIMD float* values() const { return part + 2; }
};

/// scores[h][i] = q_h · k_i for kKeys keys.
template <int kHeads, int kKeys, class T>
AIEB_SIMD void score_keys(const float* q, const T* keys, std::int64_t dim, float (*scores)[kBlock],
                          int first) {
  Vec sums[kHeads][kKeys];
  for (auto& head : sums)
    for (Vec& s : head) s = splat(0);
  for (std::int64_t d = 0; d < dim; d += kLanes) {
    const int rest = static_cast<int>(std::min<std::int64_t>(kLanes, dim - d));
    const bool full = rest == kLanes;
    Vec k[kKeys];
    for (int i = 0; i < kKeys; ++i) {
      const T* p = keys + i * dim + d;
      k[i] = full ? load(p) : load_n(p, rest);
    }
    for (int h = 0; h < kHeads; ++h) {
      const float* p = q + h * dim + d;
      const Vec query = full ? load(p) : load_n(p, rest);
      for (int i = 0; i < kKeys; ++i) sums[h][i] = fma(query, k[i], sums[h][i]);
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    if constexpr (kKeys == 4)
      sum4(sums[h], scores[h] + first);
    else
      scores[h][first] = sum(sums[h][0]);
  }
}

/// The same for `count` <= kBlock keys; the values of these positions are prefetched meanwhile.
template <int kHeads, class T>
AIEB_SIMD void score_block(const float* q, const T* keys, const T* values, std::int64_t dim,
                           std::int64_t value_dim, int count, float (*scores)[kBlock]) {
  constexpr int kKeys = 4;
  int i = 0;
  for (; i + kKeys <= count; i += kKeys) {
    for (std::int64_t e = 0; e < kKeys * value_dim; e += kLine / static_cast<int>(sizeof(T)))
      prefetch(values + i * value_dim + e);
    score_keys<kHeads, kKeys>(q, keys + i * dim, dim, scores, i);
  }
  for (; i < count; ++i) score_keys<kHeads, 1>(q, keys + i * dim, dim, scores, i);
}

/// Scale, softcap and ALiBi of one head's scores; lanes past `count` become the lowest value.
AIEB_SIMD float finish_scores(const DecodeAttention& a, std::int64_t head, std::int64_t distance,
                              int count, float* scores) {
  for (int i = 0; i < count; i += kLanes) {
    Vec s = load(scores + i) * splat(a.scale);
    if (a.softcap > 0) s = splat(a.softcap) * tanh(s / splat(a.softcap));
    store(scores + i, s);
  }
  for (int i = 0; a.alibi_slopes && i < count; ++i)
    scores[i] += a.alibi_slopes[head] * static_cast<float>(distance + i);
  for (int i = count; i % kLanes != 0; ++i) scores[i] = -INFINITY;
  Vec highest = splat(-INFINITY);
  for (int i = 0; i < count; i += kLanes) highest = max(highest, load(scores + i));
  return max_of(highest);
}

/// Turns scores into weights relative to the running maximum and rescales what was summed before.
AIEB_SIMD void weigh_block(Running head, float highest, int count, std::int64_t dim,
                           float* scores) {
  if (highest > head.max()) {
    const float shrink = std::exp(head.max() - highest);
    head.max() = highest;
    head.sum() *= shrink;
    for (std::int64_t d = 0; d < dim; ++d) head.values()[d] *= shrink;
  }
  Vec total = splat(0);
  for (int i = 0; i < count; i += kLanes) {
    const Vec weight = exp(load(scores + i) - splat(head.max()));
    store(scores + i, weight);
    total = total + weight;
  }
  head.sum() += sum(total);
}

/// values[h][columns] += Σ_i weights[h][i] · v[i][columns] for kColumns vectors of columns.
template <int kHeads, int kColumns, class T>
AIEB_SIMD void mix_columns(const float (*weights)[kBlock], const T* v, std::int64_t dim, int count,
                           int lanes, float* const* values) {
  const bool full = lanes == kLanes;
  Vec sums[kHeads][kColumns];
  for (int h = 0; h < kHeads; ++h)
    for (int c = 0; c < kColumns; ++c) {
      const float* p = values[h] + c * kLanes;
      sums[h][c] = full ? load(p) : load_n(p, lanes);
    }
  for (int i = 0; i < count; ++i)
    for (int c = 0; c < kColumns; ++c) {
      const T* p = v + i * dim + c * kLanes;
      const Vec value = full ? load(p) : load_n(p, lanes);
      for (int h = 0; h < kHeads; ++h) sums[h][c] = fma(splat(weights[h][i]), value, sums[h][c]);
    }
  for (int h = 0; h < kHeads; ++h)
    for (int c = 0; c < kColumns; ++c) {
      float* p = values[h] + c * kLanes;
      if (full)
        store(p, sums[h][c]);
      else
        store_n(p, sums[h][c], lanes);
    }
}

template <int kHeads, class T>
AIEB_SIMD void mix_block(const float (*weights)[kBlock], const T* v, std::int64_t dim, int count,
                         const Running* heads) {
  float* values[kHeads];
  for (int h = 0; h < kHeads; ++h) values[h] = heads[h].values();
  std::int64_t d = 0;
  const auto advance = [&](int columns) {
    d += columns;
    for (float*& p : values) p += columns;
  };
  for (; d + kColumnTile * kLanes <= dim; advance(kColumnTile * kLanes))
    mix_columns<kHeads, kColumnTile>(weights, v + d, dim, count, kLanes, values);
  for (; d + kLanes <= dim; advance(kLanes))
    mix_columns<kHeads, 1>(weights, v + d, dim, count, kLanes, values);
  if (d < dim)
    mix_columns<kHeads, 1>(weights, v + d, dim, count, static_cast<int>(dim - d), values);
}

/// kHeads query heads from `head` on, which share one key/value head.
template <int kHeads, class T>
AIEB_SIMD_TARGET void attend_heads(const DecodeAttention& a, const T* keys, const T* values,
                                   const float* q, std::int64_t head, Range positions,
                                   std::int64_t last, float* part) {
  alignas(64) float scores[kHeads][kBlock] = {};
  Running running[kHeads];
  for (int h = 0; h < kHeads; ++h) running[h].part = part + h * (a.value_dim + 2);
  for (std::int64_t p = positions.begin; p < positions.end; p += kBlock) {
    const int count = static_cast<int>(std::min<std::int64_t>(kBlock, positions.end - p));
    score_block<kHeads>(q, keys + p * a.head_dim, values + p * a.value_dim, a.head_dim, a.value_dim,
                        count, scores);
    for (int h = 0; h < kHeads; ++h) {
      const float highest = finish_scores(a, head + h, p - last, count, scores[h]);
      weigh_block(running[h], highest, count, a.value_dim, scores[h]);
    }
    mix_block<kHeads>(scores, values + p * a.value_dim, a.value_dim, count, running);
  }
}

template <class T>
AIEB_SIMD_TARGET void attend_group(const DecodeAttention& a, const KvView& cache, const float* q,
                                   std::int64_t kv_head, Range positions, std::int64_t last,
                                   float* part) {
  const T* keys = static_cast<const T*>(cache.keys) + kv_head * cache.key_stride;
  const T* values = static_cast<const T*>(cache.values) + kv_head * cache.value_stride;
  const std::int64_t first = kv_head * a.group();
  std::int64_t h = 0;
  const auto run = [&](auto heads) {
    constexpr int kHeads = decltype(heads)::value;
    attend_heads<kHeads>(a, keys, values, q + (first + h) * a.head_dim, first + h, positions, last,
                         part + h * (a.value_dim + 2));
    h += kHeads;
  };
  while (a.group() - h >= kHeadTile) run(std::integral_constant<int, kHeadTile>{});
  if (a.group() - h == 3) run(std::integral_constant < int, kLanes == 16 ? 3 : 2 > {});
  if (a.group() - h == 2) run(std::integral_constant<int, 2>{});
  if (a.group() - h == 1) run(std::integral_constant<int, 1>{});
}

}  // namespace detail

AIEB_SIMD_TARGET void attend_part(const DecodeAttention& a, const KvView& cache, const float* q,
                                  std::int64_t kv_head, Range positions, std::int64_t last,
                                  float* part) {
  for (std::int64_t h = 0; h < a.group(); ++h) {
    float* p = part + h * (a.value_dim + 2);
    std::fill(p, p + a.value_dim + 2, 0.f);
    *p = -INFINITY;
  }
  switch (cache.dtype) {
    case DType::kF32:
      return detail::attend_group<float>(a, cache, q, kv_head, positions, last, part);
    case DType::kBf16:
      return detail::attend_group<Bf16>(a, cache, q, kv_head, positions, last, part);
    case DType::kF16:
      return detail::attend_group<F16>(a, cache, q, kv_head, positions, last, part);
  }
}
