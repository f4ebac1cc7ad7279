// Part of one instruction set's translation unit: see kernels.inc.h.

namespace detail {

/// Register tiles: kRows · kBatch accumulators must fit beside the operands.
template <int kBatch>
inline constexpr int kTileRows = kBatch == 4 && kLanes < 16 ? 2 : 4;

template <int kRows, int kBatch>
struct Tile {
  Vec sums[kRows][kBatch];
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
    for (int b = 0; b < kBatch; ++b) tile.sums[r][b] = fma(weights, xs[b], tile.sums[r][b]);
  }
}

/// Several interleaved row streams defeat the hardware's prefetchers, so the tiles ask for the
/// weights in address order, this many bytes ahead. Measured on Zen 4, two threads: 24 GB/s
/// without, 59 with; flat between 8 and 16 KiB.
inline constexpr std::int64_t kAhead = 12 * 1024;
inline constexpr int kLine = 64;

/// Vectors of one row that one step consumes. AVX-512 with 16-bit weights must take whole cache
/// lines: half a line a step costs a third of the bandwidth on Zen 4.
template <class T>
inline constexpr int kStep = kLanes == 16 && sizeof(T) == 2 ? 2 : 1;

/// y[b][r] for kRows rows from w and y on, and kBatch vectors; prefetches from `ahead` on as many
/// bytes as it reads.
template <int kRows, int kBatch, class T>
AIEB_SIMD void multiply_tile(const T* w, const T* bias, std::int64_t stride, std::int64_t cols,
                             Vectors<const float> x, Vectors<float> y, Store store,
                             const char* ahead) {
  constexpr int kBytes = kRows * kStep<T> * kLanes * static_cast<int>(sizeof(T));
  Tile<kRows, kBatch> tile;
  for (auto& row : tile.sums)
    for (Vec& sum : row) sum = splat(0);
  std::int64_t c = 0;
  for (; c + kStep<T> * kLanes <= cols; ahead += kBytes) {
    for (int line = 0; line < kBytes; line += kLine) prefetch(ahead + line);
    for (int i = 0; i < kStep<T>; ++i, c += kLanes)
      accumulate(tile, w + c, stride, {x.data + c, x.stride}, kLanes);
  }
  for (; c + kLanes <= cols; c += kLanes)
    accumulate(tile, w + c, stride, {x.data + c, x.stride}, kLanes);
  if (c < cols) accumulate(tile, w + c, stride, {x.data + c, x.stride}, static_cast<int>(cols - c));
  for (int r = 0; r < kRows; ++r) {
    const float offset = bias ? to_float(bias[r]) : 0.f;
    for (int b = 0; b < kBatch; ++b) {
      float& target = y.data[b * y.stride + r];
      const float value = sum(tile.sums[r][b]) + offset;
      target = store == Store::kAdd ? target + value : value;
    }
  }
}

template <int kBatch, class T>
AIEB_SIMD_TARGET void multiply_rows(const Matrix& m, Vectors<const float> x, Vectors<float> y,
                                    Range rows, Store store) {
  constexpr int kRows = kTileRows<kBatch>;
  const T* w = static_cast<const T*>(m.data) + rows.begin * m.stride;
  const T* bias = m.bias ? static_cast<const T*>(m.bias) + rows.begin : nullptr;
  const auto advance = [&](int count) {
    w += count * m.stride;
    y.data += count;
    if (bias) bias += count;
  };
  std::int64_t left = rows.size();
  for (; left >= kRows; left -= kRows, advance(kRows))
    multiply_tile<kRows, kBatch>(w, bias, m.stride, m.cols, x, y, store,
                                 reinterpret_cast<const char*>(w) + kAhead);
  for (; left > 0; --left, advance(1))
    multiply_tile<1, kBatch>(w, bias, m.stride, m.cols, x, y, store,
                             reinterpret_cast<const char*>(w) + kAhead);
}

/// Rows that stay in the first-level cache while a batch larger than one tile passes over them.
inline constexpr std::int64_t kRowBlock = 4;

template <class T>
AIEB_SIMD_TARGET void multiply(const Matrix& m, Vectors<const float> x, Vectors<float> y,
                               std::int64_t batch, Range rows, Store store) {
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
