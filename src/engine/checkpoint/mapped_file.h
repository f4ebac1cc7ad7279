#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace aieb::engine {

/// A file mapped read-only into memory for as long as somebody holds it.
class MappedFile {
 public:
  /// Throws ModelError when the file is missing or unreadable.
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  /// The file that memory belongs to, if it is mapped and holds all of it.
  static std::shared_ptr<const MappedFile> holding(const void* data, size_t bytes);

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

  /// What `read_past_cache` needs around the bytes, and how its buffer is aligned.
  static constexpr size_t kBlock = 4096;

  /// Whether all of these bytes are in the system's cache (also true where the system does not
  /// tell, as for files of other users), or the file can be read through it only.
  [[nodiscard]] bool is_cached(size_t begin, size_t end) const;
  /// Copies the bytes from `begin` on through the system's cache, without the mapping: no page
  /// faults, nothing of the file resident in the process. Throws ModelError when the file cannot be
  /// read or has become shorter. So does the next one.
  void read(size_t begin, std::span<std::byte> to) const;
  /// The same bytes straight from the disk, which costs the processor nothing but leaves the cache
  /// as it was. `buffer`, aligned to kBlock, has room for them and two blocks more. Returns where
  /// the first one is.
  const std::byte* read_past_cache(size_t begin, size_t end, std::span<std::byte> buffer) const;

 private:
  MappedFile(std::string path, int file, int direct, const std::byte* data, size_t size)
      : path_(std::move(path)), file_(file), direct_(direct), data_(data), size_(size) {}

  /// Fills `to` from `begin` on, less where the file ends. Returns how much was read.
  size_t read_from(int file, size_t begin, std::span<std::byte> to) const;

  std::string path_;
  int file_;
  int direct_;  ///< opened for reading past the cache; -1: the file system cannot
  const std::byte* data_;
  size_t size_;
};

}  // namespace aieb::engine
