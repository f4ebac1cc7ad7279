#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include <unistd.h>

namespace aieb {

/// Seed of random tests: AIEB_TEST_SEED, else a fixed one. Printed, so a failure can be repeated.
inline uint64_t test_seed() {
  const char* given = std::getenv("AIEB_TEST_SEED");
  const uint64_t seed = given == nullptr ? 20260131 : std::strtoull(given, nullptr, 10);
  std::cout << "AIEB_TEST_SEED=" << seed << '\n';
  return seed;
}

/// A folder of its own for one test, removed afterwards.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aieb-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace aieb
