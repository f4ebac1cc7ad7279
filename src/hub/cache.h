#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace aieb::hub {

enum class RepoKind { kModel, kDataset };

/// A repository of the hub: what, which, which version.
struct Repo {
  RepoKind kind = RepoKind::kModel;
  std::string id;                 ///< "org/name" or "name"
  std::string revision = "main";  ///< branch, tag or commit

  [[nodiscard]] const char* api_folder() const {
    return kind == RepoKind::kModel ? "models" : "datasets";
  }
};

/// Whether `id` has the form of a repository id.
bool is_repo_id(const std::string& id);

/// Whether `revision` is a full commit id.
bool is_commit(const std::string& revision);

/// An exclusive lock that other processes, the official client's too, respect. Waits.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

/// One repository's folder in the cache of huggingface_hub:
///   models--ORG--NAME/refs/REVISION        holds the commit
///                     blobs/ETAG           the contents
///                     snapshots/COMMIT/…   relative symlinks to the blobs
///   .locks/models--ORG--NAME/ETAG.lock
class RepoCache {
 public:
  RepoCache(const std::filesystem::path& cache, const Repo& repo);

  /// The commit that the revision stood for when it was last fetched.
  [[nodiscard]] std::optional<std::string> commit() const;

  [[nodiscard]] std::filesystem::path snapshot(const std::string& commit) const;
  [[nodiscard]] std::filesystem::path blob(const std::string& etag) const;

  /// Remembers what the revision stands for. Throws EnvironmentError like all that write.
  void remember(const std::string& commit) const;

  /// Makes the blob appear under its name in the snapshot; replaces a dangling link.
  void link(const std::string& etag, const std::string& commit, const std::string& file) const;

  [[nodiscard]] FileLock lock(const std::string& etag) const;

 private:
  std::filesystem::path cache_;
  std::string name_;  ///< "models--ORG--NAME"
  std::string revision_;
};

}  // namespace aieb::hub
