#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace aieb::hub {

/// Every failure of writing, as an EnvironmentError that says what to do (more space, another
/// HF_HOME).
[[noreturn]] void throw_disk_error(const std::filesystem::path& path, std::error_code error);

void make_folders(const std::filesystem::path& folder);

/// Temporary file, then rename.
void write_atomically(const std::filesystem::path& path, std::string_view content);

/// Throws EnvironmentError when less than `bytes` are free where `folder` is (or will be).
void require_space(const std::filesystem::path& folder, int64_t bytes, const std::string& what);

/// "270 MB", "1.4 GB": decimal units, as the hub shows sizes.
std::string human_size(int64_t bytes);

/// A file that several threads write at different places.
class OutputFile {
 public:
  /// Opens or creates, keeping the content.
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write_at(int64_t offset, std::string_view bytes);
  void resize(int64_t bytes);
  void sync();

 private:
  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace aieb::hub
