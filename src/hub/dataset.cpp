#include "hub/dataset.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "hub/cache.h"
#include "hub/client.h"
#include "hub/dataset_card.h"
#include "hub/download.h"
#include "hub/prepared_dataset.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;
using namespace hub;

constexpr const char* kCard = "README.md";
/// Branch in which the hub keeps every dataset as CONFIG/SPLIT/0000.parquet.
constexpr const char* kConverted = "refs/convert/parquet";
/// How long the hub may take to answer when the cache can stand in for it.
constexpr double kQuickConnect_s = 3;

struct Wanted {
  Repo repo;
  std::string config;
  std::string split;
};

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> names_of(const Listing& listing) {
  std::vector<std::string> names;
  for (const RemoteFile& file : listing.files) names.push_back(file.name);
  return names;
}

DatasetFiles found(const Wanted& wanted, const DatasetConfig& config, const fs::path& snapshot,
                   const char* source) {
  DatasetFiles files{{}, config.name, wanted.split, source, snapshot.filename().string()};
  for (const std::string& file : choose_split(config, wanted.split, wanted.repo.id)) {
    files.paths.push_back((snapshot / file).string());
  }
  return files;
}

/// The hub's own conversion has no card: folders are the configurations, theirs the splits.
std::vector<DatasetConfig> converted_configs(const std::vector<std::string>& files) {
  std::vector<DatasetConfig> configs;
  for (const std::string& file : files) {
    const size_t first = file.find('/');
    const size_t second = first == std::string::npos ? first : file.find('/', first + 1);
    if (second == std::string::npos || !file.ends_with(".parquet")) continue;
    const std::string name = file.substr(0, first);
    if (configs.empty() || configs.back().name != name) configs.push_back({name, false, {}});
    configs.back().splits[file.substr(first + 1, second - first - 1)].push_back(file);
  }
  return configs;
}

std::vector<DatasetConfig> configs_of(const Wanted& wanted, std::vector<std::string> files,
                                      const std::string& readme) {
  std::sort(files.begin(), files.end());
  if (wanted.repo.revision == kConverted) return converted_configs(files);
  return dataset_configs(files, readme, wanted.repo.id);
}

/// Fetches some files of the listing.
fs::path fetch(const HubSettings& settings, HubClient& client, const Repo& repo,
               const Listing& listing, const std::vector<std::string>& names,
               const DownloadProgress& progress) {
  std::vector<RemoteFile> files;
  std::copy_if(listing.files.begin(), listing.files.end(), std::back_inserter(files),
               [&](const RemoteFile& file) {
                 return std::find(names.begin(), names.end(), file.name) != names.end();
               });
  return download(settings, client, repo, listing, files, progress);
}

DatasetFiles from_hub(const HubSettings& settings, Wanted wanted,
                      const DownloadProgress& progress) {
  HubClient client(settings);
  const Listing listing = client.list(wanted.repo);
  std::string readme;
  if (listing.has(kCard)) {
    readme = read_text(fetch(settings, client, wanted.repo, listing, {kCard}, {}) / kCard);
  }
  const auto configs = configs_of(wanted, names_of(listing), readme);
  if (configs.empty() && wanted.repo.revision != kConverted) {
    wanted.repo.revision = kConverted;
    return from_hub(settings, wanted, progress);
  }
  const DatasetConfig& config = choose_config(configs, wanted.config, wanted.repo.id);
  const auto& files = choose_split(config, wanted.split, wanted.repo.id);
  const fs::path snapshot = fetch(settings, client, wanted.repo, listing, files, progress);
  return found(wanted, config, snapshot, "Hugging Face hub");
}

/// Names like "…-00000-of-00003…" say how many files a split has.
bool is_whole(const std::vector<std::string>& files) {
  const size_t at = files.front().find("-of-");
  if (at == std::string::npos) return true;
  const std::string count = files.front().substr(at + 4, 5);
  return count.find_first_not_of("0123456789") != std::string::npos ||
         std::stoul(count) == files.size();
}

std::optional<DatasetFiles> from_cache(const HubSettings& settings, const Wanted& wanted) {
  const RepoCache cache(settings.cache, wanted.repo);
  const auto commit = cache.commit();
  if (!commit || !fs::exists(cache.snapshot(*commit))) return std::nullopt;
  const fs::path snapshot = cache.snapshot(*commit);
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(snapshot)) {
    if (fs::is_regular_file(entry.path())) {
      files.push_back(entry.path().lexically_relative(snapshot).string());
    }
  }
  const auto configs = configs_of(wanted, files, read_text(snapshot / kCard));
  try {
    const DatasetConfig& config = choose_config(configs, wanted.config, wanted.repo.id);
    if (!is_whole(choose_split(config, wanted.split, wanted.repo.id))) return std::nullopt;
    return found(wanted, config, snapshot, "Hugging Face cache");
  } catch (const DataError&) {  // what is cached is another part of the dataset
    return std::nullopt;
  }
}

std::optional<DatasetFiles> from_any_cache(const HubSettings& settings, Wanted wanted) {
  if (auto cached = from_cache(settings, wanted)) return cached;
  wanted.repo.revision = kConverted;
  if (auto cached = from_cache(settings, wanted)) return cached;
  const auto prepared =
      prepared_files(settings.datasets_cache, wanted.repo.id, wanted.config, wanted.split);
  if (prepared.empty()) return std::nullopt;
  DatasetFiles files{{}, wanted.config, wanted.split, "cache of the datasets library", ""};
  for (const fs::path& path : prepared) files.paths.push_back(path.string());
  return files;
}

}  // namespace

DatasetFiles resolve_dataset(const std::string& id, const std::string& config,
                             const std::string& split, const std::string& revision,
                             const DownloadProgress& progress) {
  return resolve_dataset(id, config, split, revision, progress, hub_settings());
}

DatasetFiles resolve_dataset(const std::string& id, const std::string& config,
                             const std::string& split, const std::string& revision,
                             const DownloadProgress& progress, HubSettings settings) {
  if (!is_repo_id(id)) {
    throw DataError("dataset '" + id +
                    "': there is no such file or folder, and it is no name of the form org/name "
                    "that the hub could have");
  }
  const Wanted wanted{
      {RepoKind::kDataset, id, revision.empty() ? "main" : revision}, config, split};
  const auto cached = from_any_cache(settings, wanted);
  if (settings.offline) {
    if (cached) return *cached;
    throw EnvironmentError(fmt::format(
        "the dataset '{}' (split {}) is not in {} and HF_HUB_OFFLINE forbids to fetch it. Unset "
        "HF_HUB_OFFLINE, or name a local file as scenario.dataset_name.",
        id, split, settings.cache.string()));
  }
  if (cached && !settings.timeouts_given) settings.connect_timeout_s = kQuickConnect_s;
  try {
    return from_hub(settings, wanted, progress);
  } catch (const HubUnreachable& why) {
    if (!cached) throw;
    log::warning(fmt::format("dataset {} from the {}: {}", id, cached->source, why.what()));
    return *cached;
  }
}

}  // namespace aieb
