#pragma once

#include <memory>
#include <string>

#include "engine/checkpoint/checkpoint.h"

namespace aieb::engine {

/// A GGUF file seen as a Hugging Face checkpoint: its tensors under their Hugging Face names and in
/// Hugging Face's row order, its metadata as config.json. Supported architectures: gguf_names.cpp.
std::unique_ptr<Checkpoint> open_gguf(const std::string& path);

}  // namespace aieb::engine
