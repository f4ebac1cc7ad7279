#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aieb {

/// Replaces `path` by `bytes` so that a reader, a crash or a full disk leaves either the old file
/// or the whole new one: a temporary file beside it, fsync, rename. Parents are created, a symbolic
/// link is followed; a device or pipe is written to directly.
/// Throws EnvironmentError that names the path and the remedy.
void write_file(const std::string& path, std::string_view bytes);

/// Appends rows to a file of many. `table` is a header line and rows. Concurrent writers take turns
/// (flock). A file with another header is kept as `<path>.bak-<time>` and a new one is begun; the
/// name of that copy is returned. A row is in the file whole or not at all.
/// Throws EnvironmentError as above.
std::optional<std::string> append_rows(const std::string& path, std::string_view table);

/// Throws EnvironmentError when a file could not be made at `path`; touches nothing.
void require_writable(const std::string& path);

/// Whether two paths name one file, which need not be there yet. Devices and pipes are never one:
/// both outputs go through.
bool name_one_file(const std::string& a, const std::string& b);

/// Throws ConfigError when writing to `output` would destroy one of `sources`, files that the
/// command reads. Names that are no files (a data set of the hub, none at all) are passed over.
void refuse_overwriting(const std::string& output, const std::vector<std::string>& sources);

}  // namespace aieb
