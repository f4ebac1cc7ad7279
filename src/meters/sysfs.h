#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aieb {

/// A small file of /sys or /proc: its text, or the errno that kept it from being read.
struct FileText {
  std::optional<std::string> text;
  int error = 0;

  [[nodiscard]] bool denied() const;
  /// "Permission denied" and the like; empty when the file was read.
  [[nodiscard]] std::string why() const;
};

/// Reads the whole file, byte by byte as it is.
FileText read_bytes(const std::string& path);

/// Reads the whole file, without its trailing white space. Opens it anew every time, so a driver
/// that was reloaded (and made new files) is noticed.
FileText read_file(const std::string& path);

/// An unsigned decimal number; `error` is EINVAL when the file holds something else.
struct FileNumber {
  std::optional<uint64_t> value;
  int error = 0;
};
FileNumber read_number(const std::string& path);

bool path_exists(const std::string& path);

/// Names in a directory in ascending order; empty when it cannot be read.
std::vector<std::string> list_directory(const std::string& path);

/// True in a virtual machine, as the CPU's `hypervisor` flag in <proc_root>/cpuinfo says.
bool in_virtual_machine(const std::string& proc_root);

}  // namespace aieb
