#pragma once

#include <cstdint>

#include "engine/kernels/cpu/dtype.h"
#include "engine/kernels/cpu/range.h"

namespace aieb::engine::cpu {

/// Row-major weights [rows, cols]; row r starts `r · stride` elements after `data`.
struct Matrix {
  const void* data = nullptr;
  const void* bias = nullptr;  ///< [rows] in the same type, or null
  DType dtype = DType::kF32;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;

  [[nodiscard]] std::int64_t bytes() const {
    return rows * cols * static_cast<std::int64_t>(size_of(dtype));
  }
};

/// Up to kMaxBatch vectors keep the product bound by memory; above it a blocked GEMM is faster.
inline constexpr std::int64_t kMaxBatch = 8;

/// `batch` float vectors, `stride` elements apart.
template <class T>
struct Vectors {
  T* data = nullptr;
  std::int64_t stride = 0;
};

enum class Store { kSet, kAdd };

/// y[b][r] (+)= Σ_c w[r][c] · x[b][c] + bias[r] for the rows r in `rows`, b < batch, accumulated in
/// float32. Reads each weight once from memory. x and y must not overlap.
void matvec(const Matrix& w, Vectors<const float> x, Vectors<float> y, std::int64_t batch,
            Range rows, Store store);

}  // namespace aieb::engine::cpu
