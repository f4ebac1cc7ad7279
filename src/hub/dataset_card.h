#pragma once

#include <map>
#include <string>
#include <vector>

namespace aieb::hub {

/// One configuration ("subset") of a dataset repository.
struct DatasetConfig {
  std::string name;
  bool is_default = false;
  std::map<std::string, std::vector<std::string>> splits;  ///< split → its files, sorted
};

/// The configurations of a repository with these files: those of the card (README.md, `configs:` in
/// its YAML header), else one named "default" whose splits are read off the file names by the rules
/// of `datasets`: a word such as "train", "dev" or "test" in a file's or folder's name, and
/// everything is "train" where there is none. Only files in the format that most have are taken.
/// Throws DataError when the header does not parse; `id` is named in messages.
std::vector<DatasetConfig> dataset_configs(const std::vector<std::string>& files,
                                           const std::string& readme, const std::string& id);

/// `wanted`, or if that is empty: the only one, the card's default, "default", "main".
/// Throws DataError listing them otherwise.
const DatasetConfig& choose_config(const std::vector<DatasetConfig>& configs,
                                   const std::string& wanted, const std::string& id);

/// The files of a split. Throws DataError listing the splits when there is no such one.
const std::vector<std::string>& choose_split(const DatasetConfig& config, const std::string& split,
                                             const std::string& id);

}  // namespace aieb::hub
