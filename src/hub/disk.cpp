#include "hub/disk.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/error.h"

namespace aieb::hub {
namespace {

namespace fs = std::filesystem;

std::error_code last_error() { return {errno, std::generic_category()}; }

}  // namespace

void throw_disk_error(const fs::path& path, std::error_code error) {
  const bool full = error.value() == ENOSPC || error.value() == EDQUOT;
  throw EnvironmentError(fmt::format(
      "{}: cannot be written: {}. {}", path.string(), error.message(),
      full ? "Free some space, or set HF_HOME to a folder on a larger disk; what was downloaded "
             "so far is kept and continued."
           : "Set HF_HOME to a folder that you may write to."));
}

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_disk_error(folder, error);
}

void write_atomically(const fs::path& path, std::string_view content) {
  make_folders(path.parent_path());
  const fs::path temporary = path.string() + "." + std::to_string(::getpid()) + ".tmp";
  {
    OutputFile file(temporary);
    file.resize(0);
    file.write_at(0, content);
    file.sync();
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) throw_disk_error(path, error);
}

void require_space(const fs::path& folder, int64_t bytes, const std::string& what) {
  fs::path existing = fs::absolute(folder);
  while (!fs::exists(existing) && existing.has_relative_path()) existing = existing.parent_path();
  std::error_code error;
  const fs::space_info space = fs::space(existing, error);
  if (error || static_cast<int64_t>(space.available) >= bytes) return;
  throw EnvironmentError(fmt::format(
      "{} needs {}, but only {} are free in {}. Free some space, or set HF_HOME to a folder on a "
      "larger disk.",
      what, human_size(bytes), human_size(static_cast<int64_t>(space.available)),
      existing.string()));
}

std::string human_size(int64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 || value >= 99.95 ? 0 : 1, kUnits[unit]);
}

OutputFile::OutputFile(fs::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_disk_error(path_, last_error());
}

OutputFile::~OutputFile() { ::close(descriptor_); }

void OutputFile::write_at(int64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_disk_error(path_, last_error());
    }
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
}

void OutputFile::resize(int64_t bytes) {
  if (::ftruncate(descriptor_, bytes) != 0) throw_disk_error(path_, last_error());
}

void OutputFile::sync() {
  if (::fsync(descriptor_) != 0) throw_disk_error(path_, last_error());
}

}  // namespace aieb::hub
