#include "core/paths.h"

#include <dlfcn.h>

namespace aieb {
namespace fs = std::filesystem;

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

}  // namespace aieb
