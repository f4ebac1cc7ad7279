#include "hub/cache.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/error.h"
#include "hub/disk.h"

namespace aieb::hub {
namespace {

namespace fs = std::filesystem;

std::string folder_name(const Repo& repo) {
  std::string name = std::string(repo.api_folder()) + "--" + repo.id;
  for (size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/')) {
    name.replace(slash, 1, "--");
  }
  return name;
}

bool is_id_character(unsigned char c) {
  return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
}

}  // namespace

bool is_repo_id(const std::string& id) {
  if (id.empty() || id.size() > 96 || id.find("--") != std::string::npos ||
      id.find("..") != std::string::npos) {
    return false;
  }
  size_t begin = 0;
  int parts = 0;
  while (begin <= id.size()) {
    const size_t end = std::min(id.find('/', begin), id.size());
    const std::string part = id.substr(begin, end - begin);
    if (part.empty() || !std::all_of(part.begin(), part.end(), is_id_character) ||
        part.front() == '-' || part.front() == '.' || part.back() == '-' || part.back() == '.') {
      return false;
    }
    ++parts;
    begin = end + 1;
  }
  return parts <= 2;
}

bool is_commit(const std::string& revision) {
  return revision.size() == 40 &&
         std::all_of(revision.begin(), revision.end(), [](unsigned char c) {
           return std::isdigit(c) != 0 || (c >= 'a' && c <= 'f');
         });
}

FileLock::FileLock(const fs::path& path) {
  make_folders(path.parent_path());
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    throw EnvironmentError(path.string() + ": cannot be locked: " + std::strerror(errno) +
                           ". Set HF_HOME to a folder that you may write to.");
  }
  while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

RepoCache::RepoCache(const fs::path& cache, const Repo& repo)
    : cache_(cache), name_(folder_name(repo)), revision_(repo.revision) {}

std::optional<std::string> RepoCache::commit() const {
  if (is_commit(revision_)) return revision_;
  std::ifstream in(cache_ / name_ / "refs" / revision_);
  std::string commit;
  if (!(in >> commit) || !is_commit(commit)) return std::nullopt;
  return commit;
}

fs::path RepoCache::snapshot(const std::string& commit) const {
  return cache_ / name_ / "snapshots" / commit;
}

fs::path RepoCache::blob(const std::string& etag) const { return cache_ / name_ / "blobs" / etag; }

void RepoCache::remember(const std::string& commit) const {
  if (revision_ == commit) return;
  write_atomically(cache_ / name_ / "refs" / revision_, commit);
}

void RepoCache::link(const std::string& etag, const std::string& commit,
                     const std::string& file) const {
  const fs::path at = snapshot(commit) / file;
  if (fs::exists(at)) return;
  make_folders(at.parent_path());
  std::error_code error;
  fs::remove(at, error);  // a link whose blob is gone
  fs::create_symlink(blob(etag).lexically_relative(at.parent_path()), at, error);
  if (!error || fs::exists(at)) return;
  fs::copy_file(blob(etag), at, error);  // a file system without symlinks
  if (error) throw_disk_error(at, error);
}

FileLock RepoCache::lock(const std::string& etag) const {
  return FileLock(cache_ / ".locks" / name_ / (etag + ".lock"));
}

}  // namespace aieb::hub
