#include "hub/model_choice.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace aieb::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 11> kSmallFiles = {
    "config.json",     "generation_config.json",  "tokenizer.json",     "tokenizer_config.json",
    "vocab.json",      "special_tokens_map.json", "added_tokens.json",  "merges.txt",
    "tokenizer.model", "chat_template.jinja",     "chat_template.json",
};
constexpr std::string_view kMoreTemplates = "additional_chat_templates/";

/// A weight format: one file, or an index of shards.
struct WeightFormat {
  std::string_view single;
  std::string_view index;
  std::string_view shard_prefix;
  std::string_view extension;
};
constexpr std::array kFormats = {
    WeightFormat{"model.safetensors", "model.safetensors.index.json", "model-", ".safetensors"},
    WeightFormat{"pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-", ".bin"},
};

std::vector<RemoteFile> weights(const Listing& listing, const WeightFormat& format) {
  std::vector<RemoteFile> files;
  const bool sharded = !listing.has(std::string(format.single));
  for (const RemoteFile& file : listing.files) {
    const bool chosen =
        sharded ? file.name == format.index || (file.name.starts_with(format.shard_prefix) &&
                                                file.name.ends_with(format.extension))
                : file.name == format.single;
    if (chosen) files.push_back(file);
  }
  return files;
}

bool is_small(const std::string& name) {
  return std::find(kSmallFiles.begin(), kSmallFiles.end(), name) != kSmallFiles.end() ||
         (name.starts_with(kMoreTemplates) && name.ends_with(".jinja"));
}

[[noreturn]] void throw_no_weights(const Listing& listing, const std::string& id) {
  std::vector<std::string> gguf;
  for (const RemoteFile& file : listing.files) {
    if (file.name.ends_with(".gguf")) gguf.push_back(id + "/" + file.name);
  }
  if (gguf.empty()) {
    throw ModelError("'" + id + "' has no weights that can be read (safetensors, .bin or GGUF)");
  }
  throw ModelError(
      fmt::format("'{}' holds GGUF files only; name one of them: {}", id, fmt::join(gguf, ", ")));
}

/// The shards that an index names.
std::set<std::string> shards(const fs::path& index) {
  std::set<std::string> names;
  try {
    std::ifstream in(index);
    const Json content = Json::parse(in);
    for (const Json& file : content.at("weight_map")) names.insert(file.get<std::string>());
  } catch (const Json::exception& e) {
    throw ModelError(index.string() + ": " + e.what());
  }
  return names;
}

}  // namespace

std::vector<RemoteFile> small_files(const Listing& listing) {
  std::vector<RemoteFile> chosen;
  for (const RemoteFile& file : listing.files) {
    if (is_small(file.name)) chosen.push_back(file);
  }
  return chosen;
}

std::vector<RemoteFile> model_files(const Listing& listing, const std::string& id) {
  std::vector<RemoteFile> chosen = small_files(listing);
  for (const WeightFormat& format : kFormats) {
    const std::vector<RemoteFile> files = weights(listing, format);
    if (files.empty()) continue;
    chosen.insert(chosen.end(), files.begin(), files.end());
    return chosen;
  }
  throw_no_weights(listing, id);
}

std::vector<std::string> missing_from_folder(const fs::path& folder) {
  std::vector<std::string> missing;
  if (!fs::exists(folder / "config.json")) missing.emplace_back("config.json");
  for (const WeightFormat& format : kFormats) {
    if (fs::exists(folder / format.single)) return missing;
    if (!fs::exists(folder / format.index)) continue;
    for (const std::string& shard : shards(folder / format.index)) {
      if (!fs::exists(folder / shard)) missing.push_back(shard);
    }
    return missing;
  }
  missing.emplace_back("weights (model.safetensors)");
  return missing;
}

}  // namespace aieb::hub
