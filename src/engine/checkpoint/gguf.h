#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/json.h"
#include "engine/checkpoint/gguf_blocks.h"
#include "engine/checkpoint/mapped_file.h"

namespace aieb::engine {

/// One .gguf file, versions 2 and 3, little-endian. Format: ggml's docs/gguf.md.
class GgufFile {
 public:
  /// Reads and validates the header. Throws ModelError naming the file and the remedy.
  explicit GgufFile(const std::string& path);

  struct Entry {
    const GgufType* type = nullptr;
    std::vector<int64_t> shape;  ///< outermost first, as torch has it (GGUF stores the reverse)
    size_t offset = 0;           ///< from the start of the file
  };
  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }

  /// All key-value pairs, in the file's order.
  [[nodiscard]] const Json& metadata() const { return metadata_; }

  /// Plain types: a view of the mapped file in the stored type. Block types: float32.
  [[nodiscard]] at::Tensor tensor(const std::string& name) const;

 private:
  class Reader;
  void read_header(Reader& reader);
  void read_entry(Reader& reader);
  void place_entries(size_t data_start);
  [[noreturn]] void fail(const std::string& what) const;

  std::shared_ptr<const MappedFile> file_;
  Json metadata_ = Json::object();
  std::map<std::string, Entry> entries_;
};

}  // namespace aieb::engine
