#include "hub/prepared_dataset.h"

#include <algorithm>
#include <system_error>

namespace aieb::hub {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.is_directory(ignored)) found.push_back(entry.path());
  }
  return found;
}

std::string folder_name(std::string id) {
  if (const size_t slash = id.find('/'); slash != std::string::npos) id.replace(slash, 1, "___");
  return id;
}

/// "gsm8k-test.arrow" or "gsm8k-test-00000-of-00002.arrow".
bool is_of_split(const std::string& file, const std::string& split) {
  if (!file.ends_with(".arrow") || file.starts_with("cache-")) return false;
  return file.ends_with("-" + split + ".arrow") ||
         file.find("-" + split + "-0") != std::string::npos;
}

std::vector<fs::path> split_files(const fs::path& folder, const std::string& split) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (is_of_split(entry.path().filename().string(), split)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

fs::path config_folder(const fs::path& dataset, const std::string& config) {
  if (!config.empty()) return dataset / config;
  const std::vector<fs::path> all = folders_in(dataset);
  if (all.size() == 1) return all.front();
  for (const char* name : {"default", "main"}) {
    if (fs::exists(dataset / name)) return dataset / name;
  }
  return {};
}

}  // namespace

std::vector<fs::path> prepared_files(const fs::path& cache, const std::string& id,
                                     const std::string& config, const std::string& split) {
  const fs::path folder = config_folder(cache / folder_name(id), config);
  std::vector<fs::path> newest;
  fs::file_time_type newest_time{};
  for (const fs::path& version : folders_in(folder)) {
    for (const fs::path& preparation : folders_in(version)) {
      std::vector<fs::path> files = split_files(preparation, split);
      if (files.empty()) continue;
      const auto time = fs::last_write_time(files.front());
      if (newest.empty() || time > newest_time) {
        newest = std::move(files);
        newest_time = time;
      }
    }
  }
  return newest;
}

}  // namespace aieb::hub
