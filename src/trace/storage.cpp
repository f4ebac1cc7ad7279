#include "trace/storage.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/error.h"

namespace aieb {
namespace fs = std::filesystem;
namespace {

/// f_type values of statfs(2).
constexpr std::array<long, 14> kRemoteTypes{
    0x6969,      // NFS
    0x517B,      // SMB
    0xFF534D42,  // CIFS
    0xFE534D42,  // SMB2
    0x65735546,  // FUSE
    0x00C36400,  // Ceph
    0x01021997,  // 9P
    0x5346414F,  // OpenAFS
    0x6B414653,  // kAFS
    0x0BD00BD0,  // Lustre
    0x47504653,  // GPFS
    0xAAD7AAEA,  // PanFS
    0x20030528,  // OrangeFS
    0x786F4256,  // VirtualBox shared folders
};

/// The nearest ancestor that exists.
fs::path existing_ancestor(fs::path path) {
  std::error_code ignored;
  path = fs::absolute(path, ignored);
  while (!path.empty() && path != path.root_path() && !fs::exists(path, ignored)) {
    path = path.parent_path();
  }
  return path;
}

void sync_file(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category());
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  if (result != 0) throw std::system_error(error, std::generic_category());
}

}  // namespace

bool is_remote_filesystem(long f_type) {
  for (const long remote : kRemoteTypes) {
    if (remote == (f_type & 0xFFFFFFFFL)) return true;
  }
  return false;
}

bool on_remote_filesystem(const fs::path& folder) {
  struct statfs info{};
  if (::statfs(existing_ancestor(folder).c_str(), &info) != 0) return false;
  return is_remote_filesystem(static_cast<long>(info.f_type));
}

void move_file(const fs::path& from, const fs::path& to) {
  const fs::path partial = to.string() + ".part";
  try {
    fs::copy_file(from, partial, fs::copy_options::overwrite_existing);
    sync_file(partial);
    fs::rename(partial, to);
    fs::remove(from);
  } catch (const std::system_error& error) {
    std::error_code ignored;
    fs::remove(partial, ignored);
    throw EnvironmentError("cannot move the trace to '" + to.string() +
                           "': " + error.code().message() + ". It is complete in '" +
                           from.string() + "': copy it from there");
  }
}

fs::path make_private_folder() {
  const char* configured = std::getenv("TMPDIR");
  const std::array<const char*, 3> candidates{configured, "/var/tmp", "/tmp"};
  for (const char* candidate : candidates) {
    if (candidate == nullptr || *candidate == '\0' || on_remote_filesystem(candidate)) continue;
    std::string pattern = (fs::path(candidate) / "aieb-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) return pattern;
  }
  throw EnvironmentError(
      "no local folder for temporary files: $TMPDIR, /var/tmp and /tmp are missing, not writable "
      "or on a network file system. Set TMPDIR to a folder on a local disk");
}

}  // namespace aieb
