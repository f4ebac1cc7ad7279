#include "datasets/dataset.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/bundled.h"
#include "core/error.h"
#include "core/random.h"
#include "datasets/hub_source.h"
#include "datasets/source.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBundledPrefix = "bundled:";

struct BundledSet {
  std::string_view name;
  std::string_view file;
};
constexpr BundledSet kBundledSets[] = {{"quickstart", kQuickstartPrompts}};

std::string known_extensions() {
  std::vector<std::string_view> names;
  for (const SourceFormat& format : source_formats()) names.push_back(format.extension);
  return fmt::format("{}", fmt::join(names, ", "));
}

fs::path expanded(const std::string& name) {
  const char* home = std::getenv("HOME");
  return home && name.starts_with("~/") ? fs::path(home) / name.substr(2) : fs::path(name);
}

const BundledSet* bundled_set(std::string name) {
  if (name.starts_with(kBundledPrefix)) name.erase(0, kBundledPrefix.size());
  const auto* found = std::find_if(std::begin(kBundledSets), std::end(kBundledSets),
                                   [&](const BundledSet& set) { return set.name == name; });
  return found == std::end(kBundledSets) ? nullptr : found;
}

PromptColumn read_file(const fs::path& path, const std::string& column) {
  if (const SourceFormat* format = source_format_of(path.string())) {
    return read_source(path.string(), *format, column);
  }
  throw DataError(path.string() + ": unknown kind of file; prompts are read from " +
                  known_extensions());
}

/// The data files of a folder, sorted. Text files (notes, licences) count only where nothing else
/// is, and where names tell the split, only its files do.
std::vector<fs::path> data_files(const fs::path& folder, const std::string& split) {
  std::vector<fs::path> tables;
  std::vector<fs::path> texts;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename().string().starts_with('.')) continue;
    const SourceFormat* format = source_format_of(entry.path().string());
    if (format) (format->has_columns ? tables : texts).push_back(entry.path());
  }
  std::vector<fs::path> files = tables.empty() ? std::move(texts) : std::move(tables);
  std::sort(files.begin(), files.end());
  const auto other_split = [&](const fs::path& file) {
    return file.lexically_relative(folder).string().find(split) == std::string::npos;
  };
  if (!split.empty() && !std::all_of(files.begin(), files.end(), other_split)) {
    std::erase_if(files, other_split);
  }
  return files;
}

PromptColumn read_folder(const fs::path& folder, const ScenarioConfig& scenario) {
  const std::vector<fs::path> files = data_files(folder, scenario.dataset_split);
  if (files.empty()) {
    throw DataError(folder.string() + ": holds no files with prompts (" + known_extensions() + ")");
  }
  PromptColumn column;
  for (const fs::path& file : files) column.append(read_file(file, scenario.text_column_name));
  return column;
}

/// Names that can only be paths: nobody calls a hub dataset so.
bool looks_like_path(const std::string& name) {
  return name.starts_with('/') || name.starts_with("./") || name.starts_with("../") ||
         name.starts_with('~') || std::count(name.begin(), name.end(), '/') > 1 ||
         source_format_of(name) != nullptr;
}

PromptColumn read_named(const ScenarioConfig& scenario) {
  const std::string& name = scenario.dataset_name;
  const fs::path path = expanded(name);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return read_folder(path, scenario);
  if (fs::exists(path, ignored)) return read_file(path, scenario.text_column_name);
  if (looks_like_path(name)) {
    throw DataError(name + ": no such file or folder (scenario.dataset_name; relative to " +
                    fs::current_path(ignored).string() + ")");
  }
  if (name.starts_with(kBundledPrefix) || !is_hub_id(name)) {
    throw DataError("scenario.dataset_name '" + name +
                    "' is not a bundled set; there is: quickstart");
  }
  return read_hub_dataset(scenario);
}

}  // namespace

std::vector<Prompt> Dataset::prompts(int64_t n, uint64_t seed) const {
  std::vector<int64_t> rows(texts_.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto count = static_cast<size_t>(std::clamp<int64_t>(n, 0, size()));
  if (seed != 0) {
    Random random(seed);
    for (size_t i = 0; i < count; ++i) {
      std::swap(rows[i], rows[i + random.below(rows.size() - i)]);
    }
  }
  std::vector<Prompt> chosen;
  chosen.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const auto row = static_cast<size_t>(rows[i]);
    chosen.push_back({rows[i], texts_[row],
                      conversations_.empty() ? std::vector<Message>{} : conversations_[row]});
  }
  return chosen;
}

std::unique_ptr<Dataset> open_dataset(const ScenarioConfig& scenario) {
  PromptColumn column;
  if (const BundledSet* set = bundled_set(scenario.dataset_name)) {
    const BundledFile file = bundled_file(set->file);
    column = read_jsonl({file.place, file.text, scenario.text_column_name});
  } else {
    column = read_named(scenario);
  }
  if (column.texts.empty()) {
    throw DataError("dataset '" + scenario.dataset_name + "' has no prompts" +
                    (column.empty_rows > 0
                         ? fmt::format(": all {} rows of column '{}' are empty", column.empty_rows,
                                       scenario.text_column_name)
                         : ""));
  }
  return std::make_unique<Dataset>(scenario.dataset_name, std::move(column.texts),
                                   column.empty_rows, std::move(column.conversations));
}

}  // namespace aieb
