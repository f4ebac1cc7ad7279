#include "hub/resolve.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "hub/cache.h"
#include "hub/client.h"
#include "hub/download.h"
#include "hub/model_choice.h"
#include "hub/packaged_model.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;
using namespace hub;

/// How long the hub may take to answer when something else can stand in for it.
constexpr double kQuickConnect_s = 3;

/// A repository, or one GGUF file of it.
struct HubName {
  Repo repo;
  std::string gguf;
};

fs::path expanded(const std::string& path) {
  const char* home = std::getenv("HOME");
  return home && path.starts_with("~/") ? fs::path(home) / path.substr(2) : fs::path(path);
}

ModelFiles local_model(const fs::path& path) {
  if (fs::is_directory(path)) {
    if (fs::exists(path / "config.json")) {
      return {ModelFiles::Kind::kCheckpointFolder, path.string(), "local folder", ""};
    }
    std::vector<fs::path> gguf;
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".gguf") gguf.push_back(entry.path());
    }
    if (gguf.size() == 1) {
      return {ModelFiles::Kind::kGgufFile, gguf[0].string(), "local GGUF file", ""};
    }
    throw ModelError(path.string() + (gguf.empty() ? " is no model folder: it has no config.json"
                                                   : " holds several .gguf files; name one"));
  }
  if (path.extension() == ".gguf") {
    return {ModelFiles::Kind::kGgufFile, path.string(), "local GGUF file", ""};
  }
  throw ModelError(path.string() +
                   " is no model: name a folder with config.json and weights, or a "
                   ".gguf file");
}

HubName parse_name(const std::string& name, const std::string& revision) {
  HubName result;
  result.repo.id = name;
  if (!revision.empty()) result.repo.revision = revision;
  const size_t first = name.find('/');
  const size_t second = first == std::string::npos ? first : name.find('/', first + 1);
  if (name.ends_with(".gguf") && second != std::string::npos) {
    result.repo.id = name.substr(0, second);
    result.gguf = name.substr(second + 1);
  }
  if (!is_repo_id(result.repo.id)) {
    throw ModelError(
        fmt::format("model '{}': there is no such file or folder, and it is no name of "
                    "the form org/name that the hub could have",
                    name));
  }
  return result;
}

ModelFiles in_snapshot(const fs::path& snapshot, const std::string& gguf, const char* source,
                       const std::string& commit) {
  if (gguf.empty()) {
    return {ModelFiles::Kind::kCheckpointFolder, snapshot.string(), source, commit};
  }
  return {ModelFiles::Kind::kGgufFile, (snapshot / gguf).string(), source, commit};
}

/// What the cache lacks; empty when the model can be used as it is.
std::vector<std::string> missing(const fs::path& snapshot, const std::string& gguf) {
  if (gguf.empty()) return missing_from_folder(snapshot);
  return fs::exists(snapshot / gguf) ? std::vector<std::string>{} : std::vector{gguf};
}

std::optional<ModelFiles> cached_model(const HubSettings& settings, const HubName& name) {
  const RepoCache cache(settings.cache, name.repo);
  const auto commit = cache.commit();
  if (!commit || !missing(cache.snapshot(*commit), name.gguf).empty()) return std::nullopt;
  return in_snapshot(cache.snapshot(*commit), name.gguf, "Hugging Face cache", *commit);
}

[[noreturn]] void throw_offline(const HubSettings& settings, const HubName& name) {
  const RepoCache cache(settings.cache, name.repo);
  const auto commit = cache.commit();
  const std::string state =
      commit ? fmt::format("incomplete in {} (it lacks {})", settings.cache.string(),
                           fmt::join(missing(cache.snapshot(*commit), name.gguf), ", "))
             : fmt::format("not in {}", settings.cache.string());
  throw HubUnreachable(fmt::format(
      "the model '{}' is {}, and HF_HUB_OFFLINE forbids to fetch it. Unset HF_HUB_OFFLINE (or "
      "TRANSFORMERS_OFFLINE), or copy the model here and name its folder.",
      name.repo.id, state));
}

ModelFiles hub_model(const HubSettings& settings, const HubName& name,
                     const DownloadProgress& progress) {
  if (settings.offline) throw_offline(settings, name);
  HubClient client(settings);
  const Listing listing = client.list(name.repo);
  std::vector<RemoteFile> files;
  if (name.gguf.empty()) {
    files = model_files(listing, name.repo.id);
  } else {
    std::copy_if(listing.files.begin(), listing.files.end(), std::back_inserter(files),
                 [&](const RemoteFile& file) { return file.name == name.gguf; });
    if (files.empty()) throw ModelError("'" + name.repo.id + "' has no file '" + name.gguf + "'");
  }
  const fs::path snapshot = download(settings, client, name.repo, listing, files, progress);
  return in_snapshot(snapshot, name.gguf, "Hugging Face hub", listing.commit);
}

ModelFiles packaged_files(const PackagedModel& model, const HubUnreachable& why) {
  const auto file = find_packaged_file(model);
  if (!file) {
    throw EnvironmentError(fmt::format("{}\nThis model also comes in a Python package: {}",
                                       why.what(), model.install));
  }
  log::info(fmt::format("the hub was not used: {}", why.what()));
  return {ModelFiles::Kind::kGgufFile, file->string(),
          fmt::format("GGUF file of the Python package {}", model.package), ""};
}

fs::path with_tokenizer(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) return folder;
  throw ModelError(folder.string() + ": holds no tokenizer.json");
}

}  // namespace

std::string resolve_tokenizer(const std::string& id_or_path, const std::string& revision) {
  if (fs::exists(expanded(id_or_path))) return with_tokenizer(expanded(id_or_path)).string();
  const HubSettings settings = hub_settings();
  const HubName name = parse_name(id_or_path, revision);
  const RepoCache cache(settings.cache, name.repo);
  const auto commit = cache.commit();
  if (commit && fs::exists(cache.snapshot(*commit) / "tokenizer.json")) {
    return cache.snapshot(*commit).string();
  }
  if (settings.offline) throw_offline(settings, name);
  HubClient client(settings);
  const Listing listing = client.list(name.repo);
  return with_tokenizer(download(settings, client, name.repo, listing, small_files(listing), {}))
      .string();
}

ModelFiles resolve_model(const std::string& id_or_path, const std::string& revision,
                         const DownloadProgress& progress) {
  return resolve_model(id_or_path, revision, progress, hub_settings());
}

ModelFiles resolve_model(const std::string& id_or_path, const std::string& revision,
                         const DownloadProgress& progress, HubSettings settings) {
  if (fs::exists(expanded(id_or_path))) return local_model(expanded(id_or_path));
  const HubName name = parse_name(id_or_path, revision);
  if (auto cached = cached_model(settings, name)) return *cached;
  const auto stand_in = packaged_model(name.repo.id);
  if (stand_in && !settings.timeouts_given) settings.connect_timeout_s = kQuickConnect_s;
  try {
    return hub_model(settings, name, progress);
  } catch (const HubUnreachable& why) {
    if (!stand_in) throw;
    return packaged_files(*stand_in, why);
  }
}

}  // namespace aieb
