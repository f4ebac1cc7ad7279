#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/spec/names.h"

namespace aieb::engine {

enum class NormKind { kRms, kLayerNorm };

enum class Activation {
  kSilu,
  kGelu,      ///< exact, erf
  kGeluTanh,  ///< tanh form: gelu_new, gelu_pytorch_tanh, gelu_fast
  kRelu,
  kRelu2,          ///< relu(x)²
  kClampedSwiglu,  ///< gpt-oss: min(gate, l)·σ(1.702·gate)·(clamp(up, ±l) + 1), l = 7; gated only
  kXielu,          ///< with coefficients of every layer, see Xielu; never gated
};

struct NormSpec {
  NormKind kind = NormKind::kRms;
  double eps = 1e-6;
  double weight_offset = 0;        ///< 1 for families that store w − 1
  bool cast_before_weight = true;  ///< see Norm
  bool weighted = true;            ///< false: x̂ alone, nothing is stored
};

enum class RopeKind { kDefault, kLinear, kDynamic, kYarn, kLongrope, kLlama3 };

/// Rotary embedding. Formulas: transformers' modeling_rope_utils (one function per kind).
struct RopeSpec {
  RopeKind kind = RopeKind::kDefault;
  double theta = 10000;
  int64_t rotary_dim = 0;    ///< leading dimensions of a head that are rotated
  int64_t max_position = 0;  ///< the model's max_position_embeddings
  int64_t original_max_position = 0;
  double factor = 1;
  double attention_factor = 1;  ///< multiplies cos and sin
  // yarn
  double beta_fast = 32;
  double beta_slow = 1;
  bool truncate = true;
  // llama3
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  // longrope: one factor per pair
  std::vector<double> short_factor;
  std::vector<double> long_factor;
  /// The cache is dropped and recomputed when the length first passes original_max_position
  /// (Phi-3).
  bool recompute_at_switch = false;
};

/// How a stored fused query/key/value matrix orders its rows.
enum class QkvLayout {
  kSeparate,  ///< three matrices
  kConcat,    ///< all q, all k, all v (also multi-query: one k, one v at the end)
  kPerHead,   ///< per head: q, k, v
  kPerGroup,  ///< per key/value head: its queries, then k, then v
};

/// Attention that grows sharper with the position p of the query:
/// q ← q · (1 + gain · ln(1 + ⌊p / period⌋)).
struct QueryTemperature {
  double gain = 0;
  double period = 1;
  bool cache_index_from_one = false;  ///< p is the cache index + 1, padding counted (Llama 4)
};

/// Multi-head latent attention (DeepSeek-V2): queries, and keys with values, come from vectors of
/// low rank that are normalised. A head's rotated part of the key is shared by all heads.
struct LatentSpec {
  int64_t query_rank = 0;  ///< 0: queries come from the hidden state directly
  int64_t kv_rank = 0;     ///< 0: the attention is not latent
  int64_t rotated = 0;     ///< dimensions of a head that are rotated; stored after the others
  NormSpec norm;
};

enum class PositionKind { kNone, kLearned, kRope, kAlibi };

struct AttentionSpec {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  double scale = 0;
  double softcap = 0;
  QkvLayout layout = QkvLayout::kSeparate;
  int64_t value_dim = 0;  ///< of a head's values; head_dim in most families
  std::optional<NormSpec> qk_norm;
  bool norm_after_rope = false;
  /// The checkpoint rotates neighbours (2i, 2i + 1). Their rows are moved apart when they are
  /// loaded, which changes no product of queries and keys.
  bool rotates_neighbours = false;
  QueryTemperature temperature;
  LatentSpec latent;
};

/// What the router's logits become: the weights of the chosen experts, before renormalisation.
enum class RouterScore {
  kSoftmax,          ///< over all experts
  kSoftmaxOfChosen,  ///< over the chosen ones (gpt-oss)
  kSigmoid,          ///< of each, computed in float32
};

struct MoeSpec {
  int64_t experts = 0;  ///< 0: no mixture of experts
  int64_t per_token = 0;
  RouterScore score = RouterScore::kSoftmax;
  bool renormalise = false;  ///< chosen weights are scaled to sum 1
  double scale = 1;          ///< then they are multiplied by it
  /// Experts are chosen from the best `groups_kept` of `groups` equal runs of experts; a group's
  /// rank is the sum of its two highest scores (DeepSeek-V3).
  int64_t groups = 1;
  int64_t groups_kept = 1;
  bool weigh_input = false;  ///< weights multiply what experts read, not what they write (Llama 4)
};

struct MlpSpec {
  bool gated = true;
  Activation activation = Activation::kSilu;
  MoeSpec moe;
};

/// Facts that differ between the layers of one model.
struct LayerSpec {
  int64_t window = 0;     ///< 0: full attention
  int64_t chunk = 0;      ///< keys of the query's own run of this many positions are seen; 0: all
  int rope = -1;          ///< index into ModelSpec::ropes; −1: none
  bool qk_norm = true;    ///< AttentionSpec::qk_norm applies, where there is one
  bool tempered = false;  ///< AttentionSpec::temperature applies
  bool moe = false;
  double attention_scale = 0;  ///< 0: AttentionSpec::scale
};

/// A model family with one configuration: plain data that the decoder is built from.
struct ModelSpec {
  std::string model_type;
  const NameMap* names = nullptr;  ///< where the checkpoint keeps the weights
  int64_t hidden = 0;
  int64_t vocabulary = 0;
  int64_t max_position = 0;  ///< context length the model was made for; 0: unlimited

  NormSpec norm;
  bool parallel_residual = false;  ///< the MLP reads the same stream as the attention
  double residual_scale = 1;       ///< branches are multiplied by it before they are added

  PositionKind position = PositionKind::kRope;
  int64_t learned_offset = 0;  ///< learned positions start at this row
  std::vector<RopeSpec> ropes;
  bool alibi_in_bf16 = false;  ///< slope · position is rounded to bfloat16 (Falcon)
  double alibi_scale = 1;

  AttentionSpec attention;
  MlpSpec mlp;
  std::vector<LayerSpec> layers;

  double embedding_scale = 1;
  bool tied_head = false;
  double final_softcap = 0;
  double logit_scale = 1;
};

}  // namespace aieb::engine
