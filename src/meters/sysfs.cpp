#include "meters/sysfs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

namespace aieb {

bool FileText::denied() const { return error == EACCES || error == EPERM; }

std::string FileText::why() const { return error == 0 ? "" : std::strerror(error); }

FileText read_bytes(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {std::nullopt, errno};
  std::string text;
  std::array<char, 4096> block{};
  ssize_t got = 0;
  while ((got = ::read(file, block.data(), block.size())) > 0) {
    text.append(block.data(), static_cast<size_t>(got));
  }
  const int error = got < 0 ? errno : 0;
  ::close(file);
  if (error != 0) return {std::nullopt, error};
  return {std::move(text), 0};
}

FileText read_file(const std::string& path) {
  FileText file = read_bytes(path);
  if (!file.text) return file;
  std::string& text = *file.text;
  while (!text.empty() && std::strchr(" \t\r\n", text.back()) != nullptr) text.pop_back();
  return file;
}

FileNumber read_number(const std::string& path) {
  const FileText file = read_file(path);
  if (!file.text) return {std::nullopt, file.error};
  uint64_t value = 0;
  const char* end = file.text->data() + file.text->size();
  const auto [stop, error] = std::from_chars(file.text->data(), end, value);
  if (error != std::errc() || stop != end) return {std::nullopt, EINVAL};
  return {value, 0};
}

bool path_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool in_virtual_machine(const std::string& proc_root) {
  const FileText cpuinfo = read_file(proc_root + "/cpuinfo");
  if (!cpuinfo.text) return false;
  std::istringstream lines(*cpuinfo.text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("flags", 0) == 0) return (line + ' ').find(" hypervisor ") != std::string::npos;
  }
  return false;
}

}  // namespace aieb
