#include "engine/checkpoint/mapped_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

namespace aieb::engine {
namespace {

size_t page_bytes() {
  static const auto bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

/// All files that are mapped, by their addresses.
struct Mapped {
  std::mutex mutex;
  std::map<const std::byte*, std::weak_ptr<const MappedFile>> files;
};

Mapped& mapped() {
  static Mapped all;
  return all;
}

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw ModelError(path + ": " + what + ": " + std::strerror(errno) +
                   "; check the path and its permissions, or download the model again");
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(path, "cannot open the weight file");
  struct stat status{};
  const bool known = ::fstat(file, &status) == 0;
  const auto size = static_cast<size_t>(known ? status.st_size : 0);
  void* data = nullptr;
  if (size > 0) data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (!known || data == MAP_FAILED) {
    const int why = errno;
    ::close(file);
    errno = why;
    fail(path, "cannot map the weight file");
  }
  const int direct = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  const auto* first = static_cast<const std::byte*>(data);
  std::shared_ptr<const MappedFile> opened(new MappedFile(path, file, direct, first, size));
  const std::scoped_lock lock(mapped().mutex);
  if (size > 0) mapped().files[first] = opened;
  return opened;
}

std::shared_ptr<const MappedFile> MappedFile::holding(const void* data, size_t bytes) {
  const auto* first = static_cast<const std::byte*>(data);
  std::shared_ptr<const MappedFile> file;  // may be the last to hold it: released without the lock
  {
    const std::scoped_lock lock(mapped().mutex);
    const auto after = mapped().files.upper_bound(first);
    if (after != mapped().files.begin()) file = std::prev(after)->second.lock();
  }
  const bool inside = file && static_cast<size_t>(first - file->data()) + bytes <= file->size();
  return inside ? file : nullptr;
}

void MappedFile::prefetch(size_t begin, size_t end) const noexcept {
  const size_t first = begin / page_bytes() * page_bytes();
  ::madvise(const_cast<std::byte*>(data_) + first, end - first, MADV_WILLNEED);
}

void MappedFile::release(size_t begin, size_t end) const noexcept {
  const size_t first = (begin + page_bytes() - 1) / page_bytes() * page_bytes();
  const size_t last = end / page_bytes() * page_bytes();
  if (first >= last) return;
  ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

bool MappedFile::is_cached(size_t begin, size_t end) const {
  if (direct_ < 0) return true;
  const size_t first = begin / page_bytes() * page_bytes();
  std::vector<unsigned char> pages((end - first + page_bytes() - 1) / page_bytes());
  if (::mincore(const_cast<std::byte*>(data_) + first, end - first, pages.data()) != 0) return true;
  return std::ranges::all_of(pages, [](unsigned char page) { return (page & 1) != 0; });
}

void MappedFile::read(size_t begin, std::span<std::byte> to) const {
  if (read_from(file_, begin, to) == to.size()) return;
  throw ModelError(path_ + ": the file has become shorter; download the model again");
}

const std::byte* MappedFile::read_past_cache(size_t begin, size_t end,
                                             std::span<std::byte> buffer) const {
  const size_t first = begin / kBlock * kBlock;
  const size_t length = (end - first + kBlock - 1) / kBlock * kBlock;
  if (read_from(direct_, first, buffer.first(length)) < end - first) {
    // The file's end is in the middle of a block, or the file system does not read past its cache.
    read(first, buffer.first(end - first));
  }
  return buffer.data() + (begin - first);
}

size_t MappedFile::read_from(int file, size_t begin, std::span<std::byte> to) const {
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t count =
        ::pread(file, to.data() + done, to.size() - done, static_cast<off_t>(begin + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EINVAL && file == direct_) return done;
    if (count < 0) fail(path_, "cannot read the weight file");
    if (count == 0) return done;
    done += static_cast<size_t>(count);
    // A part of a block is the file's end; from there the disk cannot be read on.
    if (file == direct_ && done % kBlock != 0) return done;
  }
  return done;
}

MappedFile::~MappedFile() {
  if (size_ > 0) {
    const std::scoped_lock lock(mapped().mutex);
    mapped().files.erase(data_);
  }
  // Another file can be mapped at these addresses from here on.
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
  ::close(file_);
  if (direct_ >= 0) ::close(direct_);
}

}  // namespace aieb::engine
