#pragma once

#include <string_view>
#include <vector>

namespace aieb::engine {

/// Places of the decoder that weights go to. A slot without weights does not exist.
enum class Slot {
  // ends
  kEmbedding,
  kPositions,
  kEmbeddingNorm,
  kProjectIn,   ///< embedding width → hidden
  kProjectOut,  ///< hidden → embedding width, before the head
  kFinalNorm,
  kHead,
  // norms of a layer: before a branch, on a branch's output, on the stream after the addition
  kPreAttentionNorm,
  kPostAttentionNorm,
  kAttentionResidualNorm,
  kPreMlpNorm,
  kPostMlpNorm,
  kMlpResidualNorm,
  // attention
  kQuery,
  kKey,
  kValue,
  kQkv,  ///< fused; AttentionSpec::layout says how
  kOutput,
  kQueryNorm,
  kKeyNorm,
  kSinks,
  // latent attention
  kQueryDown,
  kQueryDownNorm,
  kQueryUp,
  kKvDown,  ///< latent rows, then those of the shared rotated key
  kKvDownNorm,
  kKvUp,  ///< per head: key rows without rotation, then value rows
  // MLP
  kGate,
  kUp,
  kGateUp,  ///< gate rows, then up rows
  kDown,
  kActivation,  ///< where an activation's own coefficients are
  // mixture of experts; "{}" in the name is the expert
  kRouter,
  kRouterBias,  ///< the whole tensor name: added to the scores that experts are chosen by
  kExpertGate,
  kExpertUp,
  kExpertDown,
  kStackedGateUp,      ///< [experts, hidden, 2·inner]: gate columns, then up columns
  kInterleavedGateUp,  ///< the same with gate and up columns in turn
  kStackedDown,        ///< [experts, inner, hidden]
  // an expert that every token goes to
  kSharedGate,
  kSharedUp,
  kSharedDown,
  kSharedRouter,  ///< [1, hidden]: its output is multiplied by σ of this
};

/// "{}" in the module of a norm of queries or keys is the head.
struct SlotName {
  Slot slot;
  std::string_view module;  ///< relative to the layer (or the prefix); ".weight", ".bias" follow
  bool optional = false;    ///< some checkpoints of the family do not have it
};

/// Where a family's checkpoints keep their weights.
struct NameMap {
  std::vector<std::string_view> prefixes;  ///< the first under which the embedding exists is used
  std::string_view layers;                 ///< "layers." + index + "."
  std::vector<SlotName> ends;              ///< under the prefix
  std::vector<std::string_view> heads;     ///< names of the output matrix, without the prefix
  std::vector<SlotName> layer;
  bool transposed = false;  ///< matrices of the layers are stored [in, out] (Conv1D)
};

}  // namespace aieb::engine
