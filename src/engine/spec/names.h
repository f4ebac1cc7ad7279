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
  // MLP
  kGate,
  kUp,
  kGateUp,  ///< gate rows, then up rows
  kDown,
  // mixture of experts; "{}" in the name is the expert
  kRouter,
  kExpertGate,
  kExpertUp,
  kExpertDown,
  kStackedGateUp,  ///< [experts, hidden, 2·inner], gate and up columns interleaved
  kStackedDown,    ///< [experts, inner, hidden]
};

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
