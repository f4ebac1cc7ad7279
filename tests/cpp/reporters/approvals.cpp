#include "reporters/approvals.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace aieb::testing {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string first_difference(const std::string& approved, const std::string& received) {
  std::istringstream a(approved);
  std::istringstream b(received);
  for (int number = 1;; ++number) {
    std::string left;
    std::string right;
    const bool more_left = static_cast<bool>(std::getline(a, left));
    const bool more_right = static_cast<bool>(std::getline(b, right));
    if (!more_left && !more_right) return "they differ in line ends only";
    if (left == right && more_left == more_right) continue;
    return "line " + std::to_string(number) + "\n  approved: " + left + "\n  received: " + right;
  }
}

}  // namespace

void expect_approved(const std::string& name, const std::string& text) {
  const fs::path approved = fs::path(AIEB_SOURCE_DIR) / "tests" / "approved" / name;
  const fs::path received = fs::path(AIEB_BINARY_DIR) / "received" / name;
  const std::string expected = read(approved);
  if (fs::exists(approved) && expected == text) {
    fs::remove(received);
    return;
  }
  fs::create_directories(received.parent_path());
  std::ofstream(received, std::ios::binary) << text;
  ADD_FAILURE() << name << " differs from what was approved: " << first_difference(expected, text)
                << "\nIf the new text is right: tools/approve.sh";
}

}  // namespace aieb::testing
