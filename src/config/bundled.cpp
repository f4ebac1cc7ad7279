#include "config/bundled.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>

#include "core/error.h"
#include "core/paths.h"

namespace aieb {

namespace embedded {
extern const std::string_view quickstart_prompts;
extern const std::string_view reasoning_formats;
extern const std::string_view transformers_reference;
extern const std::string_view worker_wire;
extern const std::string_view worker_model;
extern const std::string_view worker_watch;
extern const std::string_view worker_batch;
extern const std::string_view worker_main;
}  // namespace embedded

namespace {

namespace fs = std::filesystem;

std::mutex folder_mutex;
fs::path extra_folder;  // guarded by folder_mutex

std::optional<fs::path> file_on_disk(std::string_view path) {
  std::error_code ignored;
  {
    const std::lock_guard lock(folder_mutex);
    if (!extra_folder.empty() && fs::is_regular_file(extra_folder / path, ignored)) {
      return extra_folder / path;
    }
  }
  constexpr int kLevels = 5;  // build/release/tests/<program> and a little more
  fs::path folder = program_dir();
  for (int level = 0; level < kLevels && folder.has_relative_path(); ++level) {
    if (fs::is_regular_file(folder / path, ignored)) return folder / path;
    folder = folder.parent_path();
  }
  return std::nullopt;
}

}  // namespace

std::span<const EmbeddedFile> embedded_files() {
  static const EmbeddedFile files[] = {
      {kQuickstartPrompts, embedded::quickstart_prompts},
      {kReasoningFormats, embedded::reasoning_formats},
      {kTransformersReference, embedded::transformers_reference},
      {kTransformersWorker[0], embedded::worker_wire},
      {kTransformersWorker[1], embedded::worker_model},
      {kTransformersWorker[2], embedded::worker_watch},
      {kTransformersWorker[3], embedded::worker_batch},
      {kTransformersWorker[4], embedded::worker_main},
  };
  return files;
}

void set_bundled_folder(const std::string& folder) {
  const std::lock_guard lock(folder_mutex);
  extra_folder = folder;
}

BundledFile bundled_file(std::string_view path) {
  if (const auto found = file_on_disk(path)) {
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
