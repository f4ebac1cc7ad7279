#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/checkpoint/mapped_file.h"
#include "engine/checkpoint/tensor_file.h"

namespace aieb::engine {

/// One .safetensors file. Format: 8-byte little-endian header length N, N bytes of JSON
/// {name: {dtype, shape, data_offsets: [begin, end)}}, then the data, which the tensors must cover
/// without holes or overlaps (huggingface/safetensors, "Format").
class SafetensorsFile : public TensorFile {
 public:
  /// Reads and validates the header. Throws ModelError for anything the format forbids.
  explicit SafetensorsFile(const std::string& path);

  struct Entry {
    at::ScalarType dtype = at::kFloat;
    std::vector<int64_t> shape;
    size_t begin = 0;  ///< from the start of the file
    size_t end = 0;
  };
  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }

  [[nodiscard]] std::vector<std::string> names() const override;
  [[nodiscard]] TensorInfo info(const std::string& name) const override;
  /// A view of the mapped file (a copy where the data is not aligned for its type).
  [[nodiscard]] at::Tensor tensor(const std::string& name) const override;

 private:
  void read_header();
  void add(const std::string& name, const Json& value, size_t data_start);
  void check_coverage(size_t data_start) const;
  [[noreturn]] void fail(const std::string& what) const;

  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, Entry> entries_;
};

}  // namespace aieb::engine
