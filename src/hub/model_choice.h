#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hub/client.h"

namespace aieb::hub {

/// The files beside the weights: configuration, tokenizer, chat templates.
std::vector<RemoteFile> small_files(const Listing& listing);

/// The files of a model repository that inference needs: configuration, tokenizer, chat templates,
/// and the weights in one format (safetensors where it exists, else PyTorch's .bin). Throws
/// ModelError when there are no such weights, naming the GGUF files if there are any.
std::vector<RemoteFile> model_files(const Listing& listing, const std::string& id);

/// What a checkpoint folder lacks to be used: "config.json", "weights", or the names of shards that
/// its index lists. Empty when it is complete.
std::vector<std::string> missing_from_folder(const std::filesystem::path& folder);

}  // namespace aieb::hub
