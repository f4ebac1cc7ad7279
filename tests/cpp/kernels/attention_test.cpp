#include "engine/kernels/cpu/attention.h"

#include <cmath>

#include "kernels/support.h"

namespace aieb::engine::cpu {
namespace {

using Attend = EveryIsa;
AIEB_FOR_EVERY_ISA(Attend);

/// A random problem with its storage.
struct Problem {
  DecodeAttention a;
  std::int64_t capacity;
  Range seen;  ///< positions that the query attends to
  std::vector<float> q, sinks, slopes;
  Stored keys, values;
  KvView cache;

  Problem(Random& random, DType dtype, std::int64_t kv_heads, std::int64_t group, std::int64_t dim,
          std::int64_t value_dim)
      : capacity(random.integer(1, 300)),
        q(random.normal(kv_heads * group * dim)),
        sinks(random.normal(kv_heads * group)),
        slopes(random.normal(kv_heads * group, 0.1f)),
        keys(dtype, random.normal(kv_heads * capacity * dim)),
        values(dtype, random.normal(kv_heads * capacity * value_dim)),
        cache{keys.bytes.data(), values.bytes.data(), dtype, capacity * dim, capacity * value_dim} {
    a.heads = kv_heads * group;
    a.kv_heads = kv_heads;
    a.head_dim = dim;
    a.value_dim = value_dim;
    a.scale = 1.f / std::sqrt(static_cast<float>(dim));
    seen.end = random.integer(1, capacity);
    seen.begin = random.integer(0, seen.end - 1);
  }
  Problem(Random& random, DType dtype, std::int64_t kv_heads, std::int64_t group, std::int64_t dim)
      : Problem(random, dtype, kv_heads, group, dim, dim) {}

  [[nodiscard]] double score(std::int64_t head, std::int64_t position) const {
    const std::int64_t d = a.head_dim;
    const std::int64_t row = (head / a.group() * capacity + position) * d;
    double dot = 0;
    for (std::int64_t i = 0; i < d; ++i) dot += double{q[head * d + i]} * keys.values[row + i];
    dot *= a.scale;
    if (a.softcap > 0) dot = a.softcap * std::tanh(dot / a.softcap);
    if (a.alibi_slopes) dot += a.alibi_slopes[head] * double(position - (seen.end - 1));
    return dot;
  }

  /// Textbook softmax in double precision.
  [[nodiscard]] std::vector<double> truth() const {
    std::vector<double> out(a.heads * a.value_dim, 0);
    for (std::int64_t h = 0; h < a.heads; ++h) {
      double total = a.sinks ? std::exp(double{a.sinks[h]}) : 0;
      for (std::int64_t p = seen.begin; p < seen.end; ++p) total += std::exp(score(h, p));
      for (std::int64_t p = seen.begin; p < seen.end; ++p) {
        const double weight = std::exp(score(h, p)) / total;
        const std::int64_t row = (h / a.group() * capacity + p) * a.value_dim;
        for (std::int64_t i = 0; i < a.value_dim; ++i)
          out[h * a.value_dim + i] += weight * values.values[row + i];
      }
    }
    return out;
  }

  [[nodiscard]] std::vector<float> ours(std::int64_t parts) const {
    std::vector<float> out(a.heads * a.value_dim, NAN);
    std::vector<float> scratch(static_cast<std::size_t>(parts * part_size(a)), NAN);
    for (std::int64_t kv = 0; kv < a.kv_heads; ++kv) {
      for (std::int64_t i = 0; i < parts; ++i) {
        Range part = slice(seen.size(), i, parts);
        part = {part.begin + seen.begin, part.end + seen.begin};
        attend_part(a, cache, q.data(), kv, part, seen.end - 1, &scratch[i * part_size(a)]);
      }
      merge_parts(a, scratch.data(), parts, part_size(a), kv, out.data());
    }
    return out;
  }

  void expect_exact(std::int64_t parts) const {
    const std::vector<double> expected = truth();
    const std::vector<float> got = ours(parts);
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], 1e-5)
          << "element " << i << " heads " << a.heads << '/' << a.kv_heads << " dim " << a.head_dim
          << " positions " << seen.begin << ".." << seen.end << " parts " << parts;
  }
};

TEST_P(Attend, agrees_with_a_textbook_softmax_for_any_shape_and_split) {
  for (const DType dtype : {DType::kF32, DType::kBf16, DType::kF16})
    for (int round = 0; round < 15; ++round) {
      const Problem problem(random_, dtype, random_.integer(1, 3), random_.integer(1, 9),
                            random_.integer(1, 140));
      problem.expect_exact(random_.integer(1, 5));
    }
}

TEST_P(Attend, agrees_for_common_head_sizes) {
  for (const std::int64_t dim : {64, 80, 96, 128, 256})
    Problem(random_, DType::kBf16, 2, 4, dim).expect_exact(2);
}

TEST_P(Attend, has_values_of_another_width_than_keys) {
  for (int round = 0; round < 10; ++round) {
    Problem(random_, DType::kBf16, random_.integer(1, 3), random_.integer(1, 5),
            random_.integer(1, 140), random_.integer(1, 140))
        .expect_exact(random_.integer(1, 4));
  }
}

TEST_P(Attend, caps_scores_softly) {
  Problem problem(random_, DType::kF32, 2, 3, 32);
  problem.a.softcap = 0.7f;
  problem.expect_exact(3);
}

TEST_P(Attend, counts_sinks_in_the_denominator_only) {
  Problem problem(random_, DType::kF32, 2, 3, 32);
  problem.a.sinks = problem.sinks.data();
  problem.expect_exact(3);
}

TEST_P(Attend, adds_alibi_by_distance) {
  Problem problem(random_, DType::kF32, 2, 3, 32);
  problem.a.alibi_slopes = problem.slopes.data();
  problem.expect_exact(3);
}

TEST_P(Attend, survives_scores_whose_exponential_overflows) {
  Problem problem(random_, DType::kF32, 1, 2, 64);
  problem.a.scale = 1;
  for (float& value : problem.q) value *= 10;
  const std::vector<float> got = problem.ours(2);
  for (const float value : got) EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace aieb::engine::cpu
