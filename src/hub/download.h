#pragma once

#include <filesystem>
#include <vector>

#include "hub/cache.h"
#include "hub/client.h"
#include "hub/progress.h"
#include "hub/settings.h"

namespace aieb::hub {

/// Brings files of one commit into the cache; those that are there already are not touched.
/// Large files come in parts over several connections; finished parts survive an interruption and
/// are not fetched again. Sizes, and SHA-256 where the hub states it, are checked before a file
/// appears under its name. Returns the snapshot's folder. Throws ModelError or DataError for a
/// damaged file, EnvironmentError for disk and network.
std::filesystem::path download(const HubSettings& settings, HubClient& client, const Repo& repo,
                               const Listing& listing, const std::vector<RemoteFile>& files,
                               const DownloadProgress& progress);

}  // namespace aieb::hub
