#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/checkpoint/checkpoint.h"
#include "engine/decoder/decoder.h"
#include "engine/fit_check.h"
#include "engine/place_model.h"

namespace aieb::engine {

struct ModelOptions {
  std::optional<at::ScalarType> dtype;  ///< absent: the checkpoint's natural type
  PlacementWish placement;
  std::optional<Quantisation> quantisation;  ///< pack dense weights when they are loaded
  bool own_kernels = true;  ///< use kernels of our own where they exist for the device and type
  MemoryDemand demand;      ///< what the run is certain to ask of the memory
};

/// An opened checkpoint and the decoder made from it.
struct Model {
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<FitCheck> fit;
  std::unique_ptr<Decoder> decoder;
};

/// Opens, checks and loads, for at::get_num_threads() threads. Throws ModelError; ConfigError for a
/// placement that cannot be; OutOfMemory, before anything is read, where the memory is too small.
Model load_model(const std::string& path, const ModelOptions& options);

}  // namespace aieb::engine
