#pragma once

#include <string>

#include "hub/model_files.h"
#include "hub/progress.h"
#include "hub/settings.h"

namespace aieb {

/// The files of a model, from the first place that has them:
/// 1. a folder or a .gguf file on this machine,
/// 2. the Hugging Face cache (without asking the hub whether there is something newer),
/// 3. the hub, into that cache (not when HF_HUB_OFFLINE is set),
/// 4. for the quickstart's model, when the hub cannot be reached: the GGUF file of an installed
///    Python package.
/// `id_or_path` is a path, "org/name", or "org/name/file.gguf"; `revision` a branch, tag or commit,
/// empty for "main". Throws ModelError or EnvironmentError with what to do.
ModelFiles resolve_model(const std::string& id_or_path, const std::string& revision = "",
                         const DownloadProgress& progress = {});

/// A folder with the tokenizer's files (tokenizer.json and what belongs to it) of a model: the
/// folder that is named, a snapshot in the cache, or a fetched one; weights are neither needed nor
/// fetched. Throws ModelError or EnvironmentError with what to do.
std::string resolve_tokenizer(const std::string& id_or_path, const std::string& revision = "");

/// The same with explicit settings, for tests.
ModelFiles resolve_model(const std::string& id_or_path, const std::string& revision,
                         const DownloadProgress& progress, HubSettings settings);

}  // namespace aieb
