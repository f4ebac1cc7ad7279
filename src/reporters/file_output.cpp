#include "reporters/file_output.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kMode = 0666;  // less the process's umask

std::string folder_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? "." : parent.string();
}

std::string remedy(int error, const fs::path& path) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "Make the folder writable (chmod u+w " + folder_of(path) + ") or choose another path.";
    case EROFS:
      return "The file system is mounted read-only: choose a path on another one.";
    case ENOSPC:
    case EDQUOT:
      return "Free space on that disk (df -h " + folder_of(path) + ") or choose a path elsewhere.";
    case ENOTDIR:
    case EEXIST:
      return "A file stands where a folder is needed: move it or choose another path.";
    case EISDIR:
      return "That is a folder: name a file.";
    default:
      return "Check the path or choose another one.";
  }
}

[[noreturn]] void fail(const fs::path& path, int error) {
  throw EnvironmentError("cannot write " + path.string() + ": " + std::strerror(error) + ". " +
                         remedy(error, path));
}

class FileDescriptor {
 public:
  /// `shown` is the path that an error names.
  FileDescriptor(const fs::path& path, int flags, const fs::path& shown)
      : fd_(::open(path.c_str(), flags, kMode)) {
    if (fd_ < 0) fail(shown, errno);
  }
  ~FileDescriptor() { ::close(fd_); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// 0, or the errno of the write that failed.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

void sync_folder(const fs::path& path) {
  const int fd = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // the rename has happened; only its durability is unknown
  ::fsync(fd);
  ::close(fd);
}

void create_parents(const fs::path& path) {
  std::error_code error;
  fs::create_directories(folder_of(path), error);
  if (error) fail(path, error.value());
}

/// The place that a chain of symbolic links ends at, so that a rename does not replace the link.
fs::path resolve(const std::string& path) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return path;
  const fs::path target = fs::weakly_canonical(path, error);
  return error ? fs::path(path) : target;
}

bool is_special(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

/// "<path><suffix>", with -2, -3 … when that exists.
fs::path unused(const fs::path& path, const std::string& suffix) {
  fs::path candidate = path.string() + suffix;
  for (int n = 2; fs::exists(candidate); ++n) {
    candidate = path.string() + suffix + "-" + std::to_string(n);
  }
  return candidate;
}

void write_directly(const fs::path& path, std::string_view bytes) {
  const FileDescriptor file(path, O_WRONLY | O_CLOEXEC, path);
  if (const int error = write_all(file.get(), bytes)) fail(path, error);
}

}  // namespace

void write_file(const std::string& path, std::string_view bytes) {
  const fs::path target = resolve(path);
  if (is_special(target)) return write_directly(target, bytes);
  if (fs::is_directory(target)) fail(target, EISDIR);
  create_parents(target);
  const fs::path temporary = unused(target, ".tmp-" + std::to_string(::getpid()));
  int error = 0;
  {
    const FileDescriptor file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, target);
    error = write_all(file.get(), bytes);
    if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  }
  if (error == 0 && ::rename(temporary.c_str(), target.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail(target, error);
  }
  sync_folder(target);
}

namespace {

/// True when `path` still names the open file: another writer may have moved it aside meanwhile.
bool same_file(int fd, const fs::path& path) {
  struct stat open_file{};
  struct stat named{};
  return ::fstat(fd, &open_file) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

/// The first line, without its line end. Empty for an empty file.
std::string read_header(int fd, size_t longest) {
  std::string text(longest + 2, '\0');  // room for "\r\n"; a longer line is another header anyway
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  const size_t end = text.find('\n');
  if (end != std::string::npos) text.resize(end);
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

bool ends_with_newline(int fd, off_t size) {
  char last = 0;
  return ::pread(fd, &last, 1, size - 1) == 1 && last == '\n';
}

/// Appends within one lock; what a failed write left behind is cut off again.
void append_locked(int fd, const fs::path& path, off_t size, std::string_view bytes) {
  int error = write_all(fd, bytes);
  if (error == 0 && ::fsync(fd) != 0) error = errno;
  if (error == 0) return;
  if (::ftruncate(fd, size) != 0) error = errno;
  fail(path, error);
}

}  // namespace

std::optional<std::string> append_rows(const std::string& path, std::string_view table) {
  const size_t header_end = table.find('\n');
  const std::string_view header = table.substr(0, header_end);
  const fs::path target = resolve(path);
  if (is_special(target)) {
    write_directly(target, table);
    return std::nullopt;
  }
  create_parents(target);
  std::optional<std::string> backup;
  while (true) {
    const FileDescriptor file(target, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, target);
    if (::flock(file.get(), LOCK_EX) != 0) fail(target, errno);
    if (!same_file(file.get(), target)) continue;
    const off_t size = ::lseek(file.get(), 0, SEEK_END);
    if (size > 0 && read_header(file.get(), header.size()) != header) {
      backup = unused(target, ".bak-" + compact_utc(wall_ns())).string();
      if (::rename(target.c_str(), backup->c_str()) != 0) fail(target, errno);
      continue;
    }
    std::string bytes(size == 0 ? table : table.substr(header_end + 1));
    if (size > 0 && !ends_with_newline(file.get(), size)) bytes.insert(0, "\n");
    append_locked(file.get(), target, size, bytes);
    return backup;
  }
}

void require_writable(const std::string& path) {
  const fs::path target = resolve(path);
  if (fs::is_directory(target)) fail(target, EISDIR);
  fs::path existing = target;
  std::error_code ignored;
  while (!existing.empty() && !fs::exists(existing, ignored)) existing = existing.parent_path();
  if (existing.empty()) existing = ".";
  if (existing != target && !fs::is_directory(existing, ignored)) fail(target, ENOTDIR);
  const int needed = existing != target && fs::is_directory(existing, ignored) ? W_OK | X_OK : W_OK;
  if (::access(existing.c_str(), needed) != 0) fail(target, errno);
}

bool name_one_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::exists(a, error) && fs::exists(b, error)) {
    return !is_special(a) && fs::equivalent(a, b, error);
  }
  return fs::weakly_canonical(fs::absolute(a, error), error) ==
         fs::weakly_canonical(fs::absolute(b, error), error);
}

void refuse_overwriting(const std::string& output, const std::vector<std::string>& sources) {
  std::error_code ignored;
  if (!fs::exists(output, ignored)) return;
  for (const std::string& source : sources) {
    if (!fs::is_regular_file(source, ignored) || !name_one_file(output, source)) continue;
    throw ConfigError("writing to " + output + " would overwrite " + source +
                      ", which this command reads: name another file to write");
  }
}

}  // namespace aieb
