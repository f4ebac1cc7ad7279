#pragma once

#include <memory>
#include <string>

#include "engine/checkpoint/checkpoint.h"

namespace aieb::engine {

/// A folder with config.json and one or several files of weights: safetensors, else pickles of
/// torch.save, each with or without an index. Throws ModelError.
std::unique_ptr<Checkpoint> open_model_folder(const std::string& folder);

}  // namespace aieb::engine
