#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace aieb {

/// A file's copy in the binary, made at build time (aieb_embed in CMakeLists.txt).
struct EmbeddedFile {
  std::string_view path;  ///< relative to the repository's root
  std::string_view text;
};
std::span<const EmbeddedFile> embedded_files();

struct BundledFile {
  std::string text;
  std::string place;  ///< its path, or "<path> (built in)"
};

/// A data file that belongs to the tool, by its path relative to the repository's root: the file
/// in a folder above the binary (a build tree or the Python package), so that editing it needs no
/// rebuild; else the embedded copy. Throws Error (internal) for a path that is not embedded.
BundledFile bundled_file(std::string_view path);

/// A folder that is searched before those above the binary. Thread-safe.
void set_bundled_folder(const std::string& folder);

constexpr std::string_view kQuickstartPrompts = "data/prompts/quickstart.jsonl";
constexpr std::string_view kReasoningFormats = "ai_energy_benchmarks/config/reasoning_formats.yaml";
constexpr std::string_view kTransformersReference =
    "ai_energy_benchmarks/workers/transformers_reference.py";

/// The modules of the transformers engine's worker, each after those that it imports.
constexpr std::array<std::string_view, 5> kTransformersWorker = {
    "ai_energy_benchmarks/workers/wire.py",
    "ai_energy_benchmarks/workers/transformers_model.py",
    "ai_energy_benchmarks/workers/token_watch.py",
    "ai_energy_benchmarks/workers/transformers_batch.py",
    "ai_energy_benchmarks/workers/transformers_worker.py",
};

}  // namespace aieb
