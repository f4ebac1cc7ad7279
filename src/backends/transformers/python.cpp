#include "backends/transformers/python.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "core/paths.h"

namespace aieb {
namespace fs = std::filesystem;

std::string find_python(const std::string& named) {
  if (!named.empty()) return named;
  const char* variable = std::getenv("AIEB_PYTHON");
  if (variable != nullptr && *variable != '\0') return variable;
  std::error_code ignored;
  for (const fs::path& packages : python_package_folders()) {
    const fs::path python = packages.parent_path().parent_path().parent_path() / "bin" / "python";
    if (fs::exists(packages / "transformers", ignored) && fs::exists(python, ignored)) {
      return python.string();
    }
  }
  if (const char* active = std::getenv("VIRTUAL_ENV")) {
    const fs::path python = fs::path(active) / "bin" / "python";
    if (fs::exists(python, ignored)) return python.string();
  }
  return "python3";
}

}  // namespace aieb
