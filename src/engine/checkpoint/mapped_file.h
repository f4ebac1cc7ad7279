#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace aieb::engine {

/// A file mapped read-only into memory for as long as somebody holds it.
class MappedFile {
 public:
  /// Throws ModelError when the file is missing or unreadable.
  static std::shared_ptr<const MappedFile> open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] size_t size() const { return size_; }

  /// Begins to read these bytes from the disk in large pieces; returns at once.
  void prefetch(size_t begin, size_t end) const noexcept;
  /// Takes these bytes out of the process's memory, not out of the system's cache; reading them
  /// brings them back. Pages shared with bytes outside stay.
  void release(size_t begin, size_t end) const noexcept;

 private:
  MappedFile(std::string path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}

  std::string path_;
  const std::byte* data_;
  size_t size_;
};

}  // namespace aieb::engine
