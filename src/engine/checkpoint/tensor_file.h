#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/checkpoint/checkpoint.h"

namespace aieb::engine {

/// One file with named tensors.
class TensorFile {
 public:
  virtual ~TensorFile() = default;

  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
  /// Precondition of both: the file has the tensor.
  [[nodiscard]] virtual TensorInfo info(const std::string& name) const = 0;
  [[nodiscard]] virtual at::Tensor tensor(const std::string& name) const = 0;
};

}  // namespace aieb::engine
