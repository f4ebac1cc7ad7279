#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/checkpoint/checkpoint.h"
#include "engine/placement/model_parts.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// A part of a model that is never divided.
struct OutlinePart {
  std::string module;  ///< its name in Hugging Face's class, e.g. "model.layers.3"
  int64_t bytes = 0;   ///< of its weights in memory
};

/// A model's parts and what they will take in memory, from the headers of its checkpoint alone.
struct Outline {
  std::map<Slot, OutlinePart> ends;  ///< those that exist, the head too where it is tied
  std::vector<OutlinePart> layers;
  std::vector<TiedNames> tied;  ///< a tied head counts nothing
  int64_t parameters = 0;

  /// Bytes of all parts.
  [[nodiscard]] int64_t bytes() const;
  /// The parts as Hugging Face's classes nest them, for the planner. Layers are whole.
  [[nodiscard]] ModelPart tree(const ModelSpec& spec) const;
};

/// `dtype`: of dense weights in memory. With `quantisation`, what load_weights packs is counted
/// packed.
Outline outline_of(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
                   const std::optional<Quantisation>& quantisation);

}  // namespace aieb::engine
