// Part of one instruction set's translation unit: see kernels.inc.h.

namespace detail {

/// Register tiles: kRows · kBatch accumulators must fit beside the operands.
template <int kBatch>
inline constexpr int kTileRows = kBatch == 4 && kLanes < 16 ? 2 : 4;

template <int kRows, int kBatch>
struct Tile {
  Vec sums[kBatch][kRows];
};

template <int kRows, int kBatch, class T>
AIEB_SIMD void accumulate(Tile<kRows, kBatch>& tile, const T* w, std::int64_t stride,
                          Vectors<const float> x, int lanes) {
  const bool full = lanes == kLanes;
  Vec xs[kBatch];
  for (int b = 0; b < kBatch; ++b) {
    const float* p = x.data + b * x.stride;
    xs[b] = full ? load(p) : load_n(p, lanes);
  }
  for (int r = 0; r < kRows; ++r) {
    const T* p = w + r * stride;
    const Vec weights = full ? load(p) : load_n(p, lanes);
    for (int b = 0; b < kBatch; ++b) tile.sums[b][r] = fma(weights, xs[b], tile.sums[b][r]);
  }
}

inline constexpr int kLine = 64;

/// Several interleaved row streams defeat the hardware's prefetchers, so a tile asks for the
/// weights in address order, `distance` bytes ahead of its own: at least one tile, so that every
/// row has been asked for before its first use. Weights are used once a step, so they should not
/// push code and activations out of the second level; only a tile that would fill the first-level
/// cache goes there. Zen 4, two threads, rows of 1152, 3072, 8192 bytes: 24 GB/s without; 58, 57,
/// 53 of 60.
struct Ahead {
  std::int64_t distance;
  bool near;  ///< into the first-level cache

  explicit Ahead(std::int64_t tile_bytes)
      : distance(std::max<std::int64_t>(8 * 1024, tile_bytes)), near(tile_bytes <= 16 * 1024) {}
};

/// Vectors of one row that one step consumes. AVX-512 with 16-bit weights must take whole cache
/// lines: half a line a step costs a third of the bandwidth on Zen 4.
template <class T>
inline constexpr int kStep = kLanes == 16 && sizeof(T) == 2 ? 2 : 1;

/// Sums the lanes of every row, adds the bias and stores.
template <int kRows, class T>
AIEB_SIMD void finish_rows(const Vec (&sums)[kRows], const T* bias, float* y, Store store) {
  float values[kRows];
  if constexpr (kRows == 4)
    sum4(sums, values);
  else
    for (int r = 0; r < kRows; ++r) values[r] = sum(sums[r]);
  for (int r = 0; r < kRows; ++r) {
    const float value = bias ? values[r] + to_float(bias[r]) : values[r];
    y[r] = store == Store::kAdd ? y[r] + value : value;
  }
}

/// y[b][r] for kRows rows from w and y on, and kBatch vectors.
template <int kRows, int kBatch, class T>
AIEB_SIMD void multiply_tile(const T* w, const T* bias, std::int64_t stride, std::int64_t cols,
                             Vectors<const float> x, Vectors<float> y, Store store, Ahead ahead) {
  constexpr int kBytes = kRows * kStep<T> * kLanes * static_cast<int>(sizeof(T));
  Tile<kRows, kBatch> tile;
  for (auto& row : tile.sums)
    for (Vec& sum : row) sum = splat(0);
  const char* later = reinterpret_cast<const char*>(w) + ahead.distance;
  std::int64_t c = 0;
  for (; c + kStep<T> * kLanes <= cols; later += kBytes) {
    for (int line = 0; line < kBytes; line += kLine)
      ahead.near ? prefetch_once(later + line) : prefetch_second(later + line);
    for (int i = 0; i < kStep<T>; ++i, c += kLanes)
      accumulate(tile, w + c, stride, {x.data + c, x.stride}, kLanes);
  }
  for (; c + kLanes <= cols; c += kLanes)
    accumulate(tile, w + c, stride, {x.data + c, x.stride}, kLanes);
  if (c < cols) accumulate(tile, w + c, stride, {x.data + c, x.stride}, static_cast<int>(cols - c));
  for (int b = 0; b < kBatch; ++b) finish_rows(tile.sums[b], bias, y.data + b * y.stride, store);
}

template <int kBatch, class T>
AIEB_SIMD_TARGET void multiply_rows(const Matrix& m, Vectors<const float> x, Vectors<float> y,
                                    Range rows, Store store) {
  constexpr int kRows = kTileRows<kBatch>;
  const Ahead ahead(kRows * m.stride * static_cast<std::int64_t>(sizeof(T)));
  const T* w = static_cast<const T*>(m.data) + rows.begin * m.stride;
  const T* bias = m.bias ? static_cast<const T*>(m.bias) + rows.begin : nullptr;
  const auto advance = [&](int count) {
    w += count * m.stride;
    y.data += count;
    if (bias) bias += count;
  };
  std::int64_t left = rows.size();
  for (; left >= kRows; left -= kRows, advance(kRows))
    multiply_tile<kRows, kBatch>(w, bias, m.stride, m.cols, x, y, store, ahead);
  for (; left > 0; --left, advance(1))
    multiply_tile<1, kBatch>(w, bias, m.stride, m.cols, x, y, store, ahead);
}

/// Asks for n values at once: another thread has just written most of them, and one after the other
/// their journeys between the cores would take longer than the sums.
AIEB_SIMD void prefetch_all(const float* x, std::int64_t n) {
  for (std::int64_t i = 0; i < n; i += kLine / static_cast<int>(sizeof(float))) prefetch(x + i);
}

/// Rows that stay in the first-level cache while a batch larger than one tile passes over them.
inline constexpr std::int64_t kRowBlock = 4;

template <class T>
AIEB_SIMD_TARGET void multiply(const Matrix& m, Vectors<const float> x, Vectors<float> y,
                               std::int64_t batch, Range rows, Store store) {
  for (std::int64_t b = 0; b < batch; ++b) prefetch_all(x.data + b * x.stride, m.cols);
  if (batch == 1) return multiply_rows<1, T>(m, x, {y.data + rows.begin, y.stride}, rows, store);
  for (std::int64_t r = rows.begin; r < rows.end; r += kRowBlock) {
    const Range block{r, std::min(rows.end, r + kRowBlock)};
    std::int64_t b = 0;
    const auto xs = [&] { return Vectors<const float>{x.data + b * x.stride, x.stride}; };
    const auto ys = [&] { return Vectors<float>{y.data + b * y.stride + r, y.stride}; };
    for (; b + 4 <= batch; b += 4) multiply_rows<4, T>(m, xs(), ys(), block, store);
    for (; b + 2 <= batch; b += 2) multiply_rows<2, T>(m, xs(), ys(), block, store);
    for (; b < batch; ++b) multiply_rows<1, T>(m, xs(), ys(), block, store);
  }
}

}  // namespace detail

AIEB_SIMD_TARGET void matvec(const Matrix& w, Vectors<const float> x, Vectors<float> y,
                             std::int64_t batch, Range rows, Store store) {
  switch (w.dtype) {
    case DType::kF32:
      return detail::multiply<float>(w, x, y, batch, rows, store);
    case DType::kBf16:
      return detail::multiply<Bf16>(w, x, y, batch, rows, store);
    case DType::kF16:
      return detail::multiply<F16>(w, x, y, batch, rows, store);
  }
}
