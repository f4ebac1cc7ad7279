#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/checkpoint/mapped_file.h"

namespace aieb::engine {

/// Copies of stored tensors that are made together, so that a disk has several requests to work on
/// all the time and reads each file from its beginning to its end.
///
/// Bytes of mapped files are not taken from the mapping, where each 4 KiB would be a page fault,
/// but read by several threads: past the system's cache, which costs no processor time and no
/// memory, except for what the cache holds already and for files on slow disks, which are worth
/// keeping.
class TensorCopies {
 public:
  /// Both are contiguous, on the CPU and of the same sizes; the type may differ. They are held
  /// until `run`, and `into` has no values before.
  void add(const at::Tensor& from, const at::Tensor& into);
  /// For tensors that are changed on their way or go to another device: each is read into memory of
  /// the CPU while the one before it is copied on. `into` is a tensor of any device, `from` on the
  /// CPU with any strides, its rows taken in `order` where that is defined.
  void add_staged(const at::Tensor& from, const at::Tensor& into, const at::Tensor& order = {});
  /// Makes the copies. Throws ModelError when a file cannot be read.
  void run();

 private:
  struct Copy {
    at::Tensor from;
    at::Tensor into;
    std::shared_ptr<const MappedFile> file;  ///< that `from` lies in
    size_t begin = 0;                        ///< where in it
  };

  struct Staged {
    at::Tensor from;
    at::Tensor into;
    at::Tensor order;
  };

  void run_staged();

  std::vector<Copy> copies_;
  std::vector<Staged> staged_;
};

/// The tensor's rows in an order; the tensor itself where there is none.
at::Tensor ordered(const at::Tensor& tensor, const at::Tensor& order);

/// Memory for stored tensors that are changed on their way, used again for each.
class ReadBuffer {
 public:
  /// The tensor's values, which are valid until the next call. Small tensors, and those that do
  /// not lie in a file, are returned as they are.
  at::Tensor read(const at::Tensor& stored);

 private:
  std::shared_ptr<std::byte> memory_;
  size_t size_ = 0;
};

/// Begins to read a tensor that is a view of a mapped file; returns at once.
void prefetch(const at::Tensor& tensor);

}  // namespace aieb::engine
