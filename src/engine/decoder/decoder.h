#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/decoder/kv_cache.h"
#include "engine/decoder/rope.h"
#include "engine/decoder/weights.h"
#include "engine/kernels/ops.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// The one decoder of all families: what it does is decided by the specification and by which
/// weights exist. Not thread-safe: one forward at a time.
class Decoder {
 public:
  /// Larger batches are no longer bound by reading the weights; they run as matrix products.
  static constexpr int64_t kStepRows = 8;

  /// `step_ops` runs steps of one token for at most kStepRows rows; null: `ops` runs them too.
  Decoder(ModelSpec spec, Weights weights, std::unique_ptr<Ops> ops, std::unique_ptr<Ops> step_ops);

  [[nodiscard]] const ModelSpec& spec() const { return spec_; }
  [[nodiscard]] const Weights& weights() const { return weights_; }
  [[nodiscard]] at::Device device() const { return weights_.embedding.device(); }
  [[nodiscard]] at::ScalarType dtype() const { return weights_.embedding.scalar_type(); }
  /// Whether single-row steps have operations of their own.
  [[nodiscard]] bool has_step_ops() const { return step_ops_ != nullptr; }

  /// Also prepares the rotary tables for `capacity` positions.
  KvCache make_cache(int64_t batch, int64_t capacity);

  enum class Logits { kLast, kAll };

  /// Runs `tokens` (int64 [batch, n], on the device) after what the cache holds and appends to it.
  /// Returns float32 logits: of the last position [batch, vocabulary], valid until the next
  /// forward, or of all of them [batch, n, vocabulary]. Precondition: n fits the cache's capacity.
  at::Tensor forward(const at::Tensor& tokens, KvCache& cache, Logits which = Logits::kLast);

  /// One step of one token a row that can be recorded and replayed: everything that changes between
  /// steps lies on the device. `tokens` int64 [batch, 1]; `index` int64 [1], the cache entry that
  /// the step fills; attention reads the first `keys` entries, of which those after `index` are
  /// hidden. Returns float32 logits [batch, vocabulary]. Does not change cache.length.
  /// Preconditions: index < keys ≤ capacity; keys ≤ recordable_keys(batch); the cache holds
  /// finite values everywhere; make_cache has not been called again; one batch size at a time.
  at::Tensor forward_recordable(const at::Tensor& tokens, const at::Tensor& index, int64_t keys,
                                KvCache& cache);

  /// Up to how many cache entries steps of `batch` rows are recordable: 0 where they never are
  /// (many rows of experts), the most that fits an int64 where they always are.
  [[nodiscard]] int64_t recordable_keys(int64_t batch) const;

  /// True when growing a cached sequence to `length` positions changes the rotation of what is
  /// cached, so that the cache must be made again (Phi-3's longrope).
  [[nodiscard]] bool must_recompute(int64_t length) const;

 private:
  struct MlpBuffers {
    at::Tensor expanded;  ///< [rows, expand.out]
    at::Tensor inner;     ///< [rows, contract.in]
  };
  /// Activations of one forward, reused by all layers.
  struct Buffers {
    at::Tensor stream;   ///< [rows, hidden]
    at::Tensor normed;   ///< [rows, hidden]
    at::Tensor normed2;  ///< [rows, hidden], parallel residual with two norms
    at::Tensor branch;   ///< [rows, hidden], where a branch is not added in place
    at::Tensor qkv;
    at::Tensor context;  ///< [rows, context_width]
    MlpBuffers mlp;
    MlpBuffers shared_expert;
    at::Tensor logits;
  };

  /// `buffers` itself where it fits, else made anew.
  void fit_buffers(Buffers& buffers, int64_t rows, at::ScalarType type) const;
  void run_layers(const Ops& ops, const at::Tensor& tokens, const Step& step, KvCache& cache,
                  Buffers& buffers) const;
  [[nodiscard]] MlpBuffers make_mlp_buffers(int64_t rows, at::ScalarType type, bool moe) const;
  [[nodiscard]] Buffers make_buffers(int64_t rows, at::ScalarType type) const;
  [[nodiscard]] Step make_step(const KvCache& cache, int64_t tokens, at::ScalarType type) const;
  void embed(const Ops& ops, const at::Tensor& tokens, const Step& step, Buffers& buffers) const;
  void run_layer(const Ops& ops, const LayerWeights& layer, const Step& step, KvLayer& cache,
                 Buffers& buffers) const;
  void run_inner_mlp(const Ops& ops, const LayerWeights& layer, const at::Tensor& input,
                     MlpBuffers& buffers) const;
  void run_experts(const Ops& ops, const LayerWeights& layer, const at::Tensor& input,
                   Buffers& buffers) const;
  void run_mlp(const Ops& ops, const LayerWeights& layer, const at::Tensor& input,
               Buffers& buffers) const;
  void add_branch(const Ops& ops, const Linear& linear, const at::Tensor& input,
                  const std::optional<Norm>& norm, Buffers& buffers) const;
  at::Tensor finish(const Ops& ops, at::Tensor stream, Buffers& buffers) const;

  ModelSpec spec_;
  Weights weights_;
  std::unique_ptr<Ops> ops_;
  std::unique_ptr<Ops> step_ops_;
  std::vector<Rope> ropes_;
  Buffers step_buffers_;        ///< kept between steps of one token
  Buffers recordable_buffers_;  ///< recorded graphs point into them
};

}  // namespace aieb::engine
