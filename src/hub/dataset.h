#pragma once

#include <string>
#include <vector>

#include "hub/progress.h"
#include "hub/settings.h"

namespace aieb {

/// The files of one split of a hub dataset, on the local disk.
struct DatasetFiles {
  std::vector<std::string> paths;  ///< all in one format, in the order of the split
  std::string config;
  std::string split;
  std::string source;    ///< for people: "Hugging Face hub", "Hugging Face cache", …
  std::string revision;  ///< commit of the hub; empty for what load_dataset prepared
};

/// Finds and, if needed, fetches the files of a dataset ("org/name" or "name"): from the hub, whose
/// state decides what the split consists of; from the Hugging Face cache when the hub cannot be
/// reached or HF_HUB_OFFLINE is set; else what `load_dataset` left in HF_DATASETS_CACHE.
/// `config`: empty for the only one, else the card's default, "default" or "main". `revision`:
/// empty for "main". Datasets that are a script are taken from the hub's own conversion
/// (refs/convert/parquet). Throws DataError or EnvironmentError with what to do.
DatasetFiles resolve_dataset(const std::string& id, const std::string& config,
                             const std::string& split, const std::string& revision = "",
                             const DownloadProgress& progress = {});

/// The same with explicit settings, for tests.
DatasetFiles resolve_dataset(const std::string& id, const std::string& config,
                             const std::string& split, const std::string& revision,
                             const DownloadProgress& progress, HubSettings settings);

}  // namespace aieb
