#include "config/compose.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/overlay.h"
#include "config/suggest.h"
#include "core/error.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;

constexpr const char* kExtensions[] = {".yaml", ".yml", ".json"};
constexpr int kDeepest = 8;

void compose(Node& document, const std::string& path, const ReadContext& context, int depth);

/// "group/name" of an entry; empty for entries that name nothing (`group: null`).
std::string entry_name(const Node& entry) {
  if (entry.is_scalar()) return entry.text;
  if (!entry.is_mapping() || entry.keys.size() != 1) {
    throw ConfigError(to_text(entry.origin) +
                      ": an entry of 'defaults' must be 'group/name' or 'group: name', found " +
                      describe(entry));
  }
  if (!entry.items[0].is_scalar()) return {};
  return entry.keys[0].text + "/" + entry.items[0].text;
}

[[noreturn]] void throw_no_fragment(const fs::path& wanted, const Node& entry) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(wanted.parent_path(), ignored)) {
    const std::string extension = file.path().extension().string();
    if (std::find(std::begin(kExtensions), std::end(kExtensions), extension) !=
        std::end(kExtensions)) {
      names.push_back(file.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  const std::string suggestion = nearest(wanted.filename().string(), names);
  std::string hint = fmt::format(" (there are: {})", fmt::join(names, ", "));
  if (names.empty()) hint.clear();
  if (!suggestion.empty()) hint = " (did you mean '" + suggestion + "'?)";
  throw ConfigError(to_text(entry.origin) + ": no file " + wanted.string() + ".yaml" + hint);
}

fs::path fragment_file(const fs::path& folder, const std::string& name, const Node& entry) {
  for (const char* extension : kExtensions) {
    const fs::path file = folder / (name + extension);
    if (fs::is_regular_file(file)) return file;
  }
  throw_no_fragment(folder / name, entry);
}

/// The fragment's keys, below the section that its group names unless it names sections itself.
Node read_fragment(const std::string& path, const std::string& name, const Node& entry,
                   const ReadContext& context, int depth) {
  const fs::path file = fragment_file(fs::path(path).parent_path(), name, entry);
  Node fragment = parse_document(read_config_text(file.string()), file.string(), context);
  compose(fragment, file.string(), context, depth + 1);
  const std::string group = fs::path(name).parent_path().string();
  if (group.empty() || fragment.is_null() || fragment.find(group)) return fragment;
  Node wrapped;
  return wrapped.put({group, fragment.origin}, fragment), wrapped;
}

void compose(Node& document, const std::string& path, const ReadContext& context, int depth) {
  const Node* found = document.find("defaults");
  if (!found) return;
  const Node defaults = *found;
  document.erase("defaults");
  if (depth >= kDeepest) {
    throw ConfigError(to_text(defaults.origin) + ": 'defaults' include each other in a circle");
  }
  if (!defaults.is_sequence()) {
    throw ConfigError(to_text(defaults.origin) + ": 'defaults' must be a list, found " +
                      describe(defaults));
  }
  Node composed;
  bool has_self = false;
  for (const Node& entry : defaults.items) {
    const std::string name = entry_name(entry);
    if (name == "_self_") {
      overlay(composed, document);
      has_self = true;
    } else if (!name.empty()) {
      overlay(composed, read_fragment(path, name, entry, context, depth));
    }
  }
  if (!has_self) overlay(composed, std::move(document));
  document = std::move(composed);
}

}  // namespace

void compose_defaults(Node& document, const std::string& path, const ReadContext& context) {
  compose(document, path, context, 0);
}

}  // namespace aieb
