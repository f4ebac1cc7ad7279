#pragma once

#include <ATen/core/Tensor.h>

#include "engine/kernels/ops.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// Angles of one rotary embedding. Kinds whose frequencies depend on the length of the sequence
/// (dynamic, longrope) follow transformers: the length of the step decides, and keys that are in
/// the cache keep the rotation they were inserted with.
class Rope {
 public:
  Rope(const RopeSpec& spec, at::Device device);

  /// Makes cos and sin tables for positions below `capacity`, so that later rows are lookups.
  void prepare(int64_t capacity, at::ScalarType type);

  /// cos and sin for `positions` (int64 [rows]) of a step whose longest row has `length` positions.
  [[nodiscard]] RopeRows rows(const at::Tensor& positions, int64_t length,
                              at::ScalarType type) const;

  /// The same for the consecutive positions first … first + count − 1, without copying if prepared.
  [[nodiscard]] RopeRows range(int64_t first, int64_t count, at::ScalarType type) const;

  /// Sequences up to this length share one set of frequencies; 0: all do.
  [[nodiscard]] int64_t static_limit() const;

  /// Inverse frequencies for a sequence of `length`, float32 [rotary_dim / 2].
  [[nodiscard]] at::Tensor frequencies(int64_t length) const;

 private:
  struct Table {
    at::ScalarType type = at::kFloat;
    at::Tensor cos;
    at::Tensor sin;
  };
  [[nodiscard]] const Table* table(int64_t length, at::ScalarType type) const;
  [[nodiscard]] RopeRows compute(const at::Tensor& positions, int64_t length,
                                 at::ScalarType type) const;

  RopeSpec spec_;
  at::Device device_;
  std::vector<Table> tables_;  ///< one for each activation type in use
};

}  // namespace aieb::engine
