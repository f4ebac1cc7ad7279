#pragma once

#include <memory>

#include "engine/checkpoint/checkpoint.h"

namespace aieb::engine {

/// A checkpoint whose weights other tools quantised (quantization_config in config.json), as one
/// with ordinary names: matrices are decoded when they are read, those of bitsandbytes are also
/// offered packed. Returns `checkpoint` itself when it is not quantised. Throws ModelError for a
/// method that is not known here.
std::unique_ptr<Checkpoint> decode_quantised(std::unique_ptr<Checkpoint> checkpoint);

}  // namespace aieb::engine
