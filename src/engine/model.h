#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/checkpoint/checkpoint.h"
#include "engine/decoder/decoder.h"

namespace aieb::engine {

struct ModelOptions {
  std::optional<at::ScalarType> dtype;  ///< absent: the checkpoint's natural type
  at::Device device = at::kCPU;
  std::optional<Quantisation> quantisation;  ///< pack dense weights when they are loaded
  bool own_kernels = true;  ///< use kernels of our own where they exist for the device and type
};

/// An opened checkpoint and the decoder made from it.
struct Model {
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Decoder> decoder;
};

/// Opens, checks and loads, for at::get_num_threads() threads. Throws ModelError.
Model load_model(const std::string& path, const ModelOptions& options);

}  // namespace aieb::engine
