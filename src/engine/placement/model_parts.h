#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace aieb::engine {

/// A parameter or buffer of a module.
struct PartTensor {
  std::string name;  ///< within its module, e.g. "weight"
  int64_t bytes = 0;
  bool buffer = false;
};

/// A module of a model as Hugging Face's classes nest them, with what matters for placing it.
struct ModelPart {
  std::string name;                 ///< within its parent; empty for the whole model
  bool whole = false;               ///< stays on one device, as a decoder block does
  std::vector<PartTensor> tensors;  ///< its own, parameters before buffers
  std::vector<ModelPart> children;  ///< in order of use
};

/// Parameters that are one: full names, the one that is stored last. The others take no room.
using TiedNames = std::vector<std::string>;

}  // namespace aieb::engine
