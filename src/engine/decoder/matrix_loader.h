#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/checkpoint/tensor_copies.h"
#include "engine/decoder/tensor_source.h"
#include "engine/decoder/weight_arena.h"
#include "engine/kernels/linear.h"
#include "engine/kernels/ops.h"

namespace aieb::engine {

/// One stored matrix that becomes a run of rows of a Linear.
struct MatrixPart {
  std::string module;
  int64_t rows = -1;  ///< kAny: as many as there are
  at::Tensor order;   ///< the stored row of every row, int64; undefined: as they are
};

/// Reads, checks, orders and converts tensors, and counts what they occupy.
class MatrixLoader {
 public:
  static constexpr int64_t kAny = -1;

  /// `transposed`: matrices of layers are stored [in, out].
  /// With `quantisation`, matrices are packed when they are loaded.
  /// With `in_place`, tensors on the CPU stay views of the checkpoint's files where nothing has to
  /// be changed. Otherwise what goes to a GPU or only has to be copied to the CPU's memory waits in
  /// `copies`, and has no values until those were run.
  MatrixLoader(TensorSource& source, bool transposed, at::ScalarType dtype, at::Device device,
               std::optional<Quantisation> quantisation, bool in_place, TensorCopies& copies)
      : source_(source),
        transposed_(transposed),
        dtype_(dtype),
        device_(device),
        quantisation_(quantisation),
        in_place_(in_place),
        copies_(copies) {}

  /// The parts, rows after rows, with their biases. Not defined when a part is missing.
  Linear linear(const std::vector<MatrixPart>& parts, int64_t in, bool optional = false);

  /// A normalisation; absent when there is no module or, if `optional`, no weight. `width` may be
  /// kAny. `order` permutes the weight, [width] or each row of [·, width].
  std::optional<Norm> norm(const std::optional<std::string>& module, const NormSpec& spec,
                           int64_t width, bool optional, const at::Tensor& order = {});

  /// The same where every head has a module of its own ("{}" in the name): weights [heads, width].
  std::optional<Norm> norm_per_head(const std::string& module, const NormSpec& spec, int64_t heads);

  /// The tensor, or an undefined one (and a noted problem) when its shape is not the expected one.
  at::Tensor checked(const std::string& name, const at::Tensor& tensor, std::vector<int64_t> shape);

  /// Converts, counts and puts the tensor where it stays.
  at::Tensor finish(const at::Tensor& tensor);
  /// The same for a tensor that is on the device and keeps its type.
  at::Tensor keep(at::Tensor tensor);
  /// Counts a contiguous tensor where it stays, to be filled.
  at::Tensor reserve(at::IntArrayRef sizes);
  /// Fills such a tensor, or rows of it, with a stored one, whose rows are taken in `order`.
  void fill(const at::Tensor& stored, const at::Tensor& into, const at::Tensor& order = {});
  /// Counts a tensor that stays as it is stored until it is used.
  at::Tensor leave(const at::Tensor& tensor);

  [[nodiscard]] at::ScalarType dtype() const { return dtype_; }
  [[nodiscard]] at::Device device() const { return device_; }
  [[nodiscard]] int64_t parameters() const { return parameters_; }
  [[nodiscard]] int64_t bytes() const { return bytes_; }

 private:
  [[nodiscard]] at::Tensor convert(const at::Tensor& tensor) const;
  /// As stored, its rows not in order yet.
  [[nodiscard]] at::Tensor matrix(const MatrixPart& part, int64_t in, bool optional);
  /// The parts, rows after rows in order.
  at::Tensor joined(const std::vector<at::Tensor>& stored, const std::vector<MatrixPart>& parts);
  /// The part packed, where it is stored or wanted so.
  std::optional<PackedMatrix> packed(const MatrixPart& part, int64_t in);
  Linear packed_linear(const std::vector<MatrixPart>& parts, int64_t in);
  at::Tensor biases(const std::vector<MatrixPart>& parts, const std::vector<int64_t>& rows);
  std::optional<Norm> make_norm(at::Tensor weight, const at::Tensor& bias, const NormSpec& spec);

  TensorSource& source_;
  bool transposed_;
  at::ScalarType dtype_;
  at::Device device_;
  std::optional<Quantisation> quantisation_;
  bool in_place_;
  TensorCopies& copies_;
  ReadBuffer buffer_;
  WeightArena arena_;
  int64_t parameters_ = 0;
  int64_t bytes_ = 0;
};

/// "{}" in a module's name replaced by a number.
std::string numbered(std::string module, int64_t index);

}  // namespace aieb::engine
