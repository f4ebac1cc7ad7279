#pragma once

#include <optional>
#include <string>

#include "core/json.h"

namespace aieb::engine {

/// What GGUF's converter changed for one architecture, so that it can be undone.
struct GgufArchitecture {
  const char* name;        ///< general.architecture
  const char* model_type;  ///< of the Hugging Face configuration
  bool permuted_qk;        ///< q and k rows were reordered to interleaved rotary pairs
  double norm_offset;      ///< was added to the norm weights (Gemma: 1)
};

/// Null when the architecture is not supported.
const GgufArchitecture* find_gguf_architecture(const std::string& name);
std::string supported_gguf_architectures();

/// "blk.3.attn_q.weight" → "model.layers.3.self_attn.q_proj.weight"; nothing when unknown.
std::optional<std::string> hugging_face_name(const GgufArchitecture& architecture,
                                             const std::string& name);

/// Metadata as config.json. `tied`: the file has no output matrix of its own.
Json hugging_face_config(const GgufArchitecture& architecture, const Json& metadata, bool tied);

}  // namespace aieb::engine
