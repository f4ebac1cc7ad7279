#include "engine/kernels/cpu/matvec.h"

#include <cmath>

#include "kernels/support.h"

namespace aieb::engine::cpu {
namespace {

using Matvec = EveryIsa;
AIEB_FOR_EVERY_ISA(Matvec);

struct Shape {
  std::int64_t rows, cols, batch;
};

/// One product against double precision. Returns the largest error in units of the float32 rounding
/// error that a sum of `cols` products may have.
double worst_error(Random& random, DType dtype, Shape shape, bool with_bias, Store store) {
  const std::int64_t stride = shape.cols + random.integer(0, 3);
  const Stored w(dtype, random.normal(shape.rows * stride));
  const Stored bias(dtype, random.normal(shape.rows));
  const std::vector<float> x = random.normal(shape.batch * shape.cols);
  const std::vector<float> before = random.normal(shape.batch * shape.rows);
  std::vector<float> y = before;
  const Matrix m{w.bytes.data(), with_bias ? bias.bytes.data() : nullptr,
                 dtype,          shape.rows,
                 shape.cols,     stride};
  const std::int64_t edge = random.integer(0, shape.rows);
  for (const Range rows : {Range{0, edge}, Range{edge, shape.rows}})
    matvec(m, {x.data(), shape.cols}, {y.data(), shape.rows}, shape.batch, rows, store);

  double worst = 0;
  for (std::int64_t b = 0; b < shape.batch; ++b)
    for (std::int64_t r = 0; r < shape.rows; ++r) {
      double sum = with_bias ? bias.values[r] : 0;
      double magnitude = std::abs(sum);
      if (store == Store::kAdd) sum += before[b * shape.rows + r];
      for (std::int64_t c = 0; c < shape.cols; ++c) {
        const double term = double{w.values[r * stride + c]} * x[b * shape.cols + c];
        sum += term;
        magnitude += std::abs(term);
      }
      const double bound = 1e-7 * (magnitude + std::abs(sum) + 1);
      worst = std::max(worst, std::abs(y[b * shape.rows + r] - sum) / bound);
    }
  return worst;
}

TEST_P(Matvec, agrees_with_double_precision_for_any_shape_type_and_batch) {
  for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16})
    for (int round = 0; round < 40; ++round) {
      const Shape shape{random_.integer(1, 40), random_.integer(1, 200),
                        random_.integer(1, kMaxBatch)};
      SCOPED_TRACE(testing::Message() << "dtype " << int(dtype) << " rows " << shape.rows
                                      << " cols " << shape.cols << " batch " << shape.batch);
      const bool bias = random_.integer(0, 1) == 1;
      const Store store = random_.integer(0, 1) == 1 ? Store::kAdd : Store::kSet;
      EXPECT_LT(worst_error(random_, dtype, shape, bias, store), 4);
    }
}

TEST_P(Matvec, agrees_for_the_shapes_of_a_small_llama) {
  for (const Shape shape : {Shape{960, 576, 1}, Shape{576, 1536, 1}, Shape{64, 576, 5}})
    EXPECT_LT(worst_error(random_, DType::kBf16, shape, false, Store::kSet), 8);
}

TEST_P(Matvec, writes_nothing_outside_its_rows) {
  const Stored w(DType::kBf16, random_.normal(10 * 8));
  const std::vector<float> x = random_.normal(2 * 8);
  std::vector<float> y(20, 7);
  const Matrix m{w.bytes.data(), nullptr, DType::kBf16, 10, 8, 8};
  matvec(m, {x.data(), 8}, {y.data(), 10}, 2, {3, 8}, Store::kSet);
  for (const int b : {0, 1})
    for (const int r : {0, 1, 2, 8, 9}) EXPECT_EQ(y[b * 10 + r], 7) << b << ' ' << r;
}

TEST(Slice, parts_cover_everything_once_in_order_and_keep_granules_whole) {
  for (const std::int64_t n : {0, 1, 5, 64, 577})
    for (const std::int64_t parts : {1, 2, 3, 7}) {
      std::int64_t next = 0;
      for (std::int64_t part = 0; part < parts; ++part) {
        const Range range = slice(n, part, parts, 4);
        EXPECT_EQ(range.begin, next);
        EXPECT_TRUE(range.end == n || range.end % 4 == 0);
        EXPECT_LE(range.size(), (n / parts / 4 + 2) * 4);
        next = range.end;
      }
      EXPECT_EQ(next, n);
    }
}

}  // namespace
}  // namespace aieb::engine::cpu
