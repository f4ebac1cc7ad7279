#include "hub/dataset_card.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include "core/error.h"
#include "hub/glob.h"

namespace aieb::hub {
namespace {

/// Formats that the datasets room reads; an earlier one wins a tie.
constexpr std::array<std::string_view, 8> kExtensions = {".parquet", ".jsonl", ".json",  ".csv",
                                                         ".tsv",     ".txt",   ".arrow", ".ndjson"};

/// Files that describe a repository and are no data.
constexpr std::array<std::string_view, 4> kNoData = {"dataset_infos.json", "dataset_info.json",
                                                     "state.json", "config.json"};

struct SplitWord {
  std::string_view word;
  std::string_view split;
};
constexpr std::array kSplitWords = {
    SplitWord{"train", "train"},
    SplitWord{"training", "train"},
    SplitWord{"validation", "validation"},
    SplitWord{"valid", "validation"},
    SplitWord{"dev", "validation"},
    SplitWord{"val", "validation"},
    SplitWord{"test", "test"},
    SplitWord{"testing", "test"},
    SplitWord{"eval", "test"},
    SplitWord{"evaluation", "test"},
};

std::string_view extension(std::string_view file) {
  for (const std::string_view known : kExtensions) {
    if (file.ends_with(known)) return known;
  }
  return {};
}

bool is_data(const std::string& file) {
  const std::string_view name = std::string_view(file).substr(file.rfind('/') + 1);
  return !name.starts_with('.') && !extension(name).empty() &&
         std::find(kNoData.begin(), kNoData.end(), name) == kNoData.end();
}

/// Only the files of the format that most have.
std::vector<std::string> of_one_format(const std::vector<std::string>& files) {
  const auto count = [&](std::string_view format) {
    return std::count_if(files.begin(), files.end(),
                         [&](const std::string& file) { return extension(file) == format; });
  };
  const auto best = std::max_element(kExtensions.begin(), kExtensions.end(),
                                     [&](auto a, auto b) { return count(a) < count(b); });
  std::vector<std::string> kept;
  std::copy_if(files.begin(), files.end(), std::back_inserter(kept),
               [&](const std::string& file) { return extension(file) == *best; });
  std::sort(kept.begin(), kept.end());
  return kept;
}

/// Whether a word stands in the text, with no letter beside it.
bool has_word(std::string_view text, std::string_view word) {
  const auto letter = [&](size_t at) {
    return at < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) != 0;
  };
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    if ((at == 0 || !letter(at - 1)) && !letter(at + word.size())) return true;
  }
  return false;
}

/// "data/train-00000-of-00001.parquet" names any split, as `datasets` itself writes it.
std::optional<std::string> sharded_split(const std::string& file) {
  constexpr std::string_view kPattern =
      "data/*-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9]*.*";
  if (!glob_matches(kPattern, file)) return std::nullopt;
  const std::string name = file.substr(5);
  return name.substr(0, name.find("-of-") - 6);
}

std::string split_of(const std::string& file) {
  if (const auto split = sharded_split(file)) return *split;
  for (const SplitWord& known : kSplitWords) {
    if (has_word(file, known.word)) return std::string(known.split);
  }
  return {};
}

DatasetConfig config_from_names(const std::vector<std::string>& files) {
  DatasetConfig config{"default", false, {}};
  const std::vector<std::string> chosen = of_one_format(files);
  for (const std::string& file : chosen) {
    if (const std::string split = split_of(file); !split.empty()) {
      config.splits[split].push_back(file);
    }
  }
  if (config.splits.empty() && !chosen.empty()) config.splits["train"] = chosen;
  return config;
}

std::vector<std::string> patterns(const YAML::Node& node) {
  if (node.IsSequence()) return node.as<std::vector<std::string>>();
  return {node.as<std::string>()};
}

std::vector<std::string> matching(const std::vector<std::string>& files, const YAML::Node& paths,
                                  const std::string& folder) {
  std::vector<std::string> found;
  for (const std::string& pattern : patterns(paths)) {
    for (const std::string& file : files) {
      if (glob_matches(folder + pattern, file)) found.push_back(file);
    }
  }
  return of_one_format(found);
}

std::string folder_of(const YAML::Node& node) {
  std::string folder = node["data_dir"] ? node["data_dir"].as<std::string>() : "";
  if (folder.starts_with("./")) folder.erase(0, 2);
  while (folder.ends_with('/')) folder.pop_back();
  return folder.empty() ? folder : folder + "/";
}

DatasetConfig config_from_card(const YAML::Node& node, const std::vector<std::string>& files) {
  const std::string folder = folder_of(node);
  DatasetConfig config;
  const YAML::Node data = node["data_files"];
  if (!data) {
    std::vector<std::string> inside;
    std::copy_if(files.begin(), files.end(), std::back_inserter(inside),
                 [&](const std::string& file) { return file.starts_with(folder); });
    config = config_from_names(inside);
  } else if (data.IsSequence() && data.size() > 0 && data[0].IsMap()) {
    for (const YAML::Node& entry : data) {
      config.splits[entry["split"].as<std::string>()] = matching(files, entry["path"], folder);
    }
  } else {
    config.splits["train"] = matching(files, data, folder);
  }
  config.name = node["config_name"].as<std::string>("default");
  config.is_default = node["default"].as<bool>(false);
  return config;
}

/// The text between the two "---" lines that a card begins with.
std::string yaml_header(const std::string& readme) {
  if (!readme.starts_with("---")) return {};
  const size_t begin = readme.find('\n');
  const size_t end = readme.find("\n---", begin == std::string::npos ? 0 : begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  return readme.substr(begin + 1, end - begin);
}

std::vector<std::string> names_of(const std::vector<DatasetConfig>& configs) {
  std::vector<std::string> names;
  for (const DatasetConfig& config : configs) names.push_back(config.name);
  return names;
}

}  // namespace

std::vector<DatasetConfig> dataset_configs(const std::vector<std::string>& files,
                                           const std::string& readme, const std::string& id) {
  std::vector<std::string> data;
  std::copy_if(files.begin(), files.end(), std::back_inserter(data), is_data);
  std::vector<DatasetConfig> configs;
  try {
    const YAML::Node card = YAML::Load(yaml_header(readme));
    if (card.IsMap() && card["configs"]) {
      for (const YAML::Node& node : card["configs"])
        configs.push_back(config_from_card(node, data));
    }
  } catch (const YAML::Exception& e) {
    throw DataError("the dataset '" + id + "' has a README.md that does not parse: " + e.what());
  }
  if (configs.empty() && !data.empty()) configs.push_back(config_from_names(data));
  return configs;
}

const DatasetConfig& choose_config(const std::vector<DatasetConfig>& configs,
                                   const std::string& wanted, const std::string& id) {
  const auto named = [&](const std::string& name) {
    return std::find_if(configs.begin(), configs.end(),
                        [&](const DatasetConfig& config) { return config.name == name; });
  };
  const std::string list = fmt::format("{}", fmt::join(names_of(configs), ", "));
  if (!wanted.empty()) {
    const auto found = named(wanted);
    if (found != configs.end()) return *found;
    throw DataError(
        fmt::format("the dataset '{}' has no configuration '{}'; it has: {}. Set "
                    "scenario.dataset_config",
                    id, wanted, list));
  }
  if (configs.size() == 1) return configs.front();
  const auto marked = std::find_if(configs.begin(), configs.end(),
                                   [](const DatasetConfig& config) { return config.is_default; });
  for (const auto found : {marked, named("default"), named("main")}) {
    if (found != configs.end()) return *found;
  }
  throw DataError(fmt::format(
      "the dataset '{}' has several configurations; set scenario.dataset_config to one of: {}", id,
      list));
}

const std::vector<std::string>& choose_split(const DatasetConfig& config, const std::string& split,
                                             const std::string& id) {
  const auto it = config.splits.find(split);
  if (it != config.splits.end() && !it->second.empty()) return it->second;
  std::vector<std::string> names;
  for (const auto& [name, files] : config.splits) {
    if (!files.empty()) names.push_back(name);
  }
  throw DataError(
      fmt::format("the dataset '{}' (configuration {}) has no split '{}'; set "
                  "scenario.dataset_split to one of: "
                  "{}",
                  id, config.name, split, fmt::join(names, ", ")));
}

}  // namespace aieb::hub
