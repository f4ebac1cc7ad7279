#include "engine/checkpoint/mapped_file.h"

#include <cerrno>
#include <cstring>

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

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  const auto fail = [&path](const char* what) {
    throw ModelError(path + ": " + what + ": " + std::strerror(errno) +
                     "; check the path and its permissions, or download the model again");
  };
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("cannot open the weight file");
  struct stat status{};
  const bool known = ::fstat(fd, &status) == 0;
  const auto size = static_cast<size_t>(known ? status.st_size : 0);
  void* data = nullptr;
  if (size > 0) data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  const int map_errno = errno;
  ::close(fd);
  errno = map_errno;
  if (!known || data == MAP_FAILED) fail("cannot map the weight file");
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::byte*>(data), size));
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

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace aieb::engine
