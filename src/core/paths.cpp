#include "core/paths.h"

#include <cstdlib>
#include <mutex>
#include <system_error>
#include <utility>

#include <dlfcn.h>

namespace aieb {
namespace fs = std::filesystem;
namespace {

std::mutex interpreter_mutex;
std::vector<fs::path> interpreter_folders;  // guarded by interpreter_mutex

/// Every lib/python3*/site-packages of a virtual environment.
void add_environment(std::vector<fs::path>& folders, const fs::path& venv) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(venv / "lib", ignored)) {
    if (entry.path().filename().string().starts_with("python3")) {
      folders.push_back(entry.path() / "site-packages");
    }
  }
}

}  // namespace

fs::path program_dir() {
  Dl_info info{};
  std::error_code ignored;
  if (dladdr(reinterpret_cast<const void*>(&program_dir), &info) != 0 && info.dli_fname) {
    // The main program's name may be relative; the kernel knows the real one.
    const fs::path self = fs::path(info.dli_fname).extension() == ".so"
                              ? fs::path(info.dli_fname)
                              : fs::read_symlink("/proc/self/exe", ignored);
    return fs::weakly_canonical(self, ignored).parent_path();
  }
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

std::optional<fs::path> repository_root() {
  std::error_code ignored;
  for (fs::path dir = program_dir(); dir != dir.root_path(); dir = dir.parent_path()) {
    if (fs::exists(dir / "VERSION.txt", ignored) && fs::is_directory(dir / "configs", ignored)) {
      return dir;
    }
  }
  return std::nullopt;
}

void set_python_package_folders(std::vector<fs::path> folders) {
  const std::lock_guard lock(interpreter_mutex);
  interpreter_folders = std::move(folders);
}

std::vector<fs::path> python_package_folders() {
  std::vector<fs::path> folders;
  {
    const std::lock_guard lock(interpreter_mutex);
    folders = interpreter_folders;
  }
  if (const char* venv = std::getenv("AIEB_VENV")) add_environment(folders, venv);
  if (const auto root = repository_root()) add_environment(folders, *root / ".aieb" / "venv");
  if (const char* venv = std::getenv("VIRTUAL_ENV")) add_environment(folders, venv);
  folders.push_back(program_dir().parent_path());  // a package beside this one's
  return folders;
}

}  // namespace aieb
