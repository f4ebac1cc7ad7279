#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace aieb::hub {

/// The .arrow files that `datasets.load_dataset` left for a split in its cache
/// (CACHE/org___name/CONFIG/VERSION/HASH/…-SPLIT….arrow), the newest preparation; empty when there
/// is none. An empty `config` takes the only one there is, else "default" or "main".
std::vector<std::filesystem::path> prepared_files(const std::filesystem::path& cache,
                                                  const std::string& id, const std::string& config,
                                                  const std::string& split);

}  // namespace aieb::hub
