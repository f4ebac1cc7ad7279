#pragma once

#include <filesystem>
#include <string>

namespace aieb {

/// Whether a statfs f_type is a file system on which SQLite's WAL is unsafe because its shared
/// memory does not reach other hosts (NFS, SMB, FUSE, cluster file systems).
bool is_remote_filesystem(long f_type);

/// Whether the folder that is (or will be) at `folder` lies on such a file system.
bool on_remote_filesystem(const std::filesystem::path& folder);

/// Moves a closed file, across file systems too: copy beside the target, fsync, rename.
/// Throws EnvironmentError naming both paths; `from` is then still there.
void move_file(const std::filesystem::path& from, const std::filesystem::path& to);

/// A new private folder below $TMPDIR, /var/tmp or /tmp. Throws EnvironmentError.
std::filesystem::path make_private_folder();

}  // namespace aieb
