#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/kernels/linear.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// A normalisation with its weights, ready to run. Formula: y = x̂ · weight (+ bias), where x̂ is
/// x / sqrt(mean(x²) + eps) (RMS) or (x − mean) / sqrt(var + eps) (LayerNorm), in float32.
/// `weight` already contains the family's offset ("1 + w").
struct Norm {
  NormKind kind = NormKind::kRms;
  at::Tensor weight;  ///< [width]; undefined: no weight
  at::Tensor bias;    ///< [width]; undefined: no bias
  double eps = 1e-6;
  /// Cast x̂ to the activation type before multiplying (Llama) instead of after (Gemma, gpt-oss).
  bool cast_before_weight = true;
};

/// What one layer's attention needs besides its projections.
struct Attention {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  double scale = 1;       ///< multiplies q·k
  double softcap = 0;     ///< s ← softcap · tanh(s / softcap); 0: none
  int64_t value_dim = 0;  ///< of a head's values and output
  int64_t window = 0;     ///< keys with index > query index − window are seen; 0: all
  int64_t chunk = 0;      ///< see LayerSpec
  int rope = -1;          ///< index into Step::rope; −1: no rotation
  /// Weights [head_dim], or none: per head. [heads, head_dim]: per head, each with its own.
  /// [heads·head_dim]: over all heads.
  std::optional<Norm> q_norm;
  std::optional<Norm> k_norm;
  bool norm_after_rope = false;
  std::optional<QueryTemperature> temperature;
  at::Tensor sinks;  ///< [heads] one extra logit per head, dropped after softmax; or undefined
  /// [heads] float32, or undefined. Scaled scores += alibi_scale · slope · key position, where the
  /// product slope · position is rounded to bfloat16 if `alibi_in_bf16`.
  at::Tensor alibi_slopes;
  double alibi_scale = 1;
  bool alibi_in_bf16 = false;

  [[nodiscard]] int64_t q_width() const { return heads * head_dim; }
  [[nodiscard]] int64_t kv_width() const { return kv_heads * head_dim; }
  [[nodiscard]] int64_t value_width() const { return kv_heads * value_dim; }
  [[nodiscard]] int64_t qkv_width() const { return q_width() + kv_width() + value_width(); }
  [[nodiscard]] int64_t context_width() const { return heads * value_dim; }
};

/// Router and experts of one layer. Expert e computes down[e] · act(gate_up[e] · x).
struct Experts {
  Linear router;            ///< [experts, hidden]
  at::Tensor choice_bias;   ///< [experts] float32, added to scores to choose by; or undefined
  at::Tensor gate_up;       ///< [experts, 2·inner, hidden]: gate rows, then up rows
  at::Tensor gate_up_bias;  ///< [experts, 2·inner], or undefined
  at::Tensor down;          ///< [experts, hidden, inner]
  at::Tensor down_bias;     ///< [experts, hidden], or undefined
};

/// Keys and values of one layer, allocated once: [batch, kv_heads, capacity, head_dim (value_dim
/// for values)], contiguous.
struct KvLayer {
  at::Tensor keys;
  at::Tensor values;
};

/// Rotation of the rows of one step: cos and sin of [batch·tokens, rotary_dim / 2] (already times
/// the attention factor), in the activation type; pairs are (i, i + rotary_dim / 2).
struct RopeRows {
  at::Tensor cos;
  at::Tensor sin;
};

/// One forward pass over `batch` rows of `tokens` new tokens each. All activations are
/// [batch·tokens, width], batch-major, contiguous.
struct Step {
  int64_t batch = 1;
  int64_t tokens = 1;
  int64_t past = 0;  ///< cache entries before this step: new keys go to past … past+tokens−1
  /// int64 [1] on the device, for a step of one token that is recorded: the cache entry that takes
  /// the new key. Entries after it, up to length(), are read and hidden. Undefined: it is `past`.
  at::Tensor index;
  std::vector<RopeRows> rope;
  at::Tensor starts;  ///< [batch] int64: first valid cache index (left padding); undefined: all 0
  std::vector<int64_t> start_of;  ///< the same on the host; empty: all 0
  /// Additive masks by window and chunk size, made by the first layer that needs one (AtenOps).
  mutable std::map<std::pair<int64_t, int64_t>, at::Tensor> masks;

  [[nodiscard]] int64_t length() const { return past + tokens; }  ///< cache entries after the step
};

/// Cache indices of the step's tokens, int64 [tokens] on `device`.
at::Tensor step_index(const Step& step, at::Device device);

/// Position of every row of the step, int64 [batch·tokens]: cache index minus the row's padding;
/// 0 for padding.
at::Tensor step_positions(const Step& step, at::Device device);

/// The operations a decoder step is made of. AtenOps runs every shape, device and type; other
/// implementations run a subset (see cpu_ops.h) and are chosen once, when a model is loaded.
///
/// Outputs are preallocated by the caller, contiguous, never aliasing an input unless said so.
/// Implementations keep no state between calls that a later step could see.
class Ops {
 public:
  virtual ~Ops() = default;

  /// Element type of all activations for weights of this type. The KV cache has the weights' type.
  [[nodiscard]] virtual at::ScalarType activation_type(at::ScalarType weights) const = 0;

  /// out = norm(x); out may be x. Shapes [rows, width].
  virtual void norm(const Norm& norm, const at::Tensor& x, at::Tensor& out) const = 0;

  /// out = linear(x).
  virtual void linear(const Linear& linear, const at::Tensor& x, at::Tensor& out) const = 0;

  /// residual += linear(x).
  virtual void linear_add(const Linear& linear, const at::Tensor& x,
                          at::Tensor& residual) const = 0;

  /// residual += scale · x.
  virtual void add(const at::Tensor& x, double scale, at::Tensor& residual) const = 0;

  /// `qkv` [rows, qkv_width] holds q, k, v of the new tokens (and may be overwritten).
  /// Normalises and rotates q and k, appends k and v to the cache, writes attention to `out`
  /// [rows, context_width].
  virtual void attend(const Attention& attention, const Step& step, at::Tensor& qkv, KvLayer& cache,
                      at::Tensor& out) const = 0;

  /// x = act(x), in place.
  virtual void activate(Activation activation, at::Tensor& x) const = 0;

  /// out = act(gate) · up, where gate_up [rows, 2·inner] is gate, then up.
  virtual void gate(Activation activation, const at::Tensor& gate_up, at::Tensor& out) const = 0;

  /// out = weighted sum of the experts the router picks. Shapes [rows, hidden].
  virtual void experts(const MoeSpec& spec, Activation activation, const Experts& experts,
                       const at::Tensor& x, at::Tensor& out) const = 0;
};

}  // namespace aieb::engine
