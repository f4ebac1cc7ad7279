#include "backends/torch_library.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include <dlfcn.h>

#include "core/error.h"
#include "core/paths.h"

namespace aieb {
namespace fs = std::filesystem;
namespace {

constexpr const char* kNeededVersion = "2.11.";

std::vector<fs::path> candidates() {
  std::vector<fs::path> out;
  if (const char* dir = std::getenv("AIEB_TORCH_DIR")) out.emplace_back(dir);
  for (const fs::path& folder : python_package_folders()) out.push_back(folder / "torch");
  return out;
}

/// The version in torch/version.py, a line such as `__version__ = '2.11.0+cu130'`.
std::optional<std::string> installed_version(const fs::path& package_dir) {
  std::ifstream in(package_dir / "version.py");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("__version__")) continue;
    const auto first = line.find('\'');
    const auto last = line.rfind('\'');
    if (first != std::string::npos && last > first) return line.substr(first + 1, last - first - 1);
  }
  return std::nullopt;
}

void open_library(const fs::path& path) {
  if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
    const char* why = dlerror();
    throw EnvironmentError("cannot load " + path.string() + ": " + (why ? why : "unknown reason") +
                           "\nReinstall it: ./run_benchmark.sh sets up a working copy, or "
                           "pip install --force-reinstall torch==2.11.0");
  }
}

}  // namespace

TorchLocation find_torch() {
  std::string tried;
  for (const fs::path& dir : candidates()) {
    const auto version = installed_version(dir);
    if (version && version->starts_with(kNeededVersion)) return {dir.string(), *version};
    tried += "\n  " + dir.string() + (version ? " (has torch " + *version + ")" : " (not there)");
  }
  throw EnvironmentError(
      "the pytorch backend needs the libraries of torch 2.11, which were not found. Looked in:" +
      tried +
      "\nRun ./run_benchmark.sh, which installs them, or pip install torch==2.11.0 and set "
      "AIEB_TORCH_DIR to the installed package's folder.");
}

void open_torch(const TorchLocation& location, bool cuda) {
  const fs::path lib = fs::path(location.package_dir) / "lib";
  open_library(lib / "libtorch_cpu.so");
  if (cuda) open_library(lib / "libtorch_cuda.so");
}

}  // namespace aieb
