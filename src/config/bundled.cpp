#include "config/bundled.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <dlfcn.h>

#include "core/error.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;

/// The program or shared library that holds this code.
fs::path own_binary() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&own_binary), &info) == 0 || !info.dli_fname) return {};
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path named = fs::weakly_canonical(info.dli_fname, error);
  // A program's own name is argv[0], which need not be a path.
  return fs::exists(named, error) ? named : program;
}

std::optional<fs::path> file_above(const fs::path& binary, std::string_view path) {
  constexpr int kLevels = 5;  // build/release/tests/<program> and a little more
  fs::path folder = binary.parent_path();
  std::error_code ignored;
  for (int level = 0; level < kLevels && folder.has_relative_path(); ++level) {
    if (fs::is_regular_file(folder / path, ignored)) return folder / path;
    folder = folder.parent_path();
  }
  return std::nullopt;
}

}  // namespace

BundledFile bundled_file(std::string_view path) {
  if (const auto found = file_above(own_binary(), path)) {
    std::ifstream file(*found, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file) return {std::move(text), found->string()};
  }
  for (const EmbeddedFile& embedded : embedded_files()) {
    if (embedded.path == path) {
      return {std::string(embedded.text), std::string(path) + " (built in)"};
    }
  }
  throw Error(ExitCode::kInternal, "no bundled file '" + std::string(path) + "'");
}

}  // namespace aieb
