#include "config/document.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "core/error.h"

namespace aieb {
namespace {

constexpr size_t kLargestFile = size_t{16} << 20;

}  // namespace

std::string read_config_text(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw ConfigError(path + ": is a folder; name a configuration file (.yaml or .json)");
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw ConfigError(path + ": cannot be read: " + std::strerror(errno ? errno : EIO));
  }
  std::string text;
  std::vector<char> chunk(size_t{64} << 10);
  while (text.size() <= kLargestFile && file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk.data(), static_cast<size_t>(file.gcount()));
  }
  if (text.size() > kLargestFile) {
    throw ConfigError(path + ": is larger than 16 MiB, which no configuration is");
  }
  return text;
}

Node parse_document(std::string_view text, const std::string& place, const ReadContext& context) {
  return place.ends_with(".json") ? parse_json(text, place, context)
                                  : parse_yaml(text, {place, 1}, context);
}

Node expanded_scalar(std::string text, bool quoted, const Origin& origin,
                     const ReadContext& context) {
  if (!has_variables(text)) return Node::scalar(std::move(text), quoted, origin);
  std::string expanded;
  try {
    expanded = expand_variables(text, context.lookup);
  } catch (const ConfigError& error) {
    context.problems.error(origin, error.what());
    return Node::of(Node::Kind::kNull, origin);
  }
  if (expanded.starts_with('[') || expanded.starts_with('{')) {
    const VariableLookup no_variables = [](const std::string&) { return std::nullopt; };
    try {
      return parse_yaml(expanded, {to_text(origin), 0}, {no_variables, context.problems});
    } catch (const ConfigError&) {
      // Not a flow collection after all: text that begins with a bracket.
    }
  }
  return Node::scalar(std::move(expanded), false, origin);
}

}  // namespace aieb
