#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Allocator.h>

#include "engine/checkpoint/mapped_file.h"
#include "engine/checkpoint/tensor_file.h"

namespace aieb::engine {

/// A state dictionary that torch.save wrote (.bin, .pth): a zip archive with a pickle and one
/// record a storage. Read by libtorch's own unpickler, which builds tensors and containers of them
/// and nothing else: unlike Python's, it cannot run code from the file.
class PickleFile : public TensorFile {
 public:
  /// Reads the pickle; tensors are views of the mapped records. Throws ModelError for files of
  /// before PyTorch 1.6 and for what is not a dictionary of tensors.
  explicit PickleFile(const std::string& path);

  [[nodiscard]] std::vector<std::string> names() const override;
  [[nodiscard]] TensorInfo info(const std::string& name) const override;
  [[nodiscard]] at::Tensor tensor(const std::string& name) const override;

 private:
  void read();
  /// Throws when the tensor reaches beyond its storage, or that beyond the file.
  void check(const std::string& name, const at::Tensor& tensor) const;
  [[noreturn]] void fail(const std::string& what, const std::string& remedy) const;

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, at::Tensor> tensors_;
  std::map<const void*, size_t> record_sizes_;  ///< bytes of the records that storages lie in
};

}  // namespace aieb::engine
