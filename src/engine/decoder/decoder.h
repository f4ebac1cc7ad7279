#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/decoder/kv_cache.h"
#include "engine/decoder/rope.h"
#include "engine/decoder/weights.h"
#include "engine/kernels/ops.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// The one decoder of all families: what it does is decided by the specification and by which
/// weights exist. It walks the parts of the model over the devices of the plan: hidden states move
/// once where a part runs on another device than the one before. Not thread-safe: one forward at a
/// time.
class Decoder {
 public:
  /// Larger batches are no longer bound by reading the weights; they run as matrix products.
  static constexpr int64_t kStepRows = 8;

  /// `step_ops` runs steps of one token for at most kStepRows rows; null: `ops` runs them too.
  Decoder(ModelSpec spec, Weights weights, std::unique_ptr<Ops> ops, std::unique_ptr<Ops> step_ops);

  [[nodiscard]] const ModelSpec& spec() const { return spec_; }
  [[nodiscard]] const Weights& weights() const { return weights_; }
  [[nodiscard]] const DevicePlan& plan() const { return weights_.plan; }
  /// The first device of the plan.
  [[nodiscard]] at::Device device() const { return plan().lanes.front().device; }
  [[nodiscard]] at::ScalarType dtype() const { return weights_.dtype; }
  /// Whether single-row steps have operations of their own.
  [[nodiscard]] bool has_step_ops() const { return step_ops_ != nullptr; }

  /// Also prepares the rotary tables for `capacity` positions.
  KvCache make_cache(int64_t batch, int64_t capacity);
  /// What is called before a cache is made; throws where it would not fit.
  using CacheCheck = std::function<void(int64_t batch, int64_t capacity)>;
  void set_cache_check(CacheCheck check) { check_cache_ = std::move(check); }

  /// How often hidden states have moved from one device to another since this was made.
  [[nodiscard]] int64_t moves() const { return moves_; }

  enum class Logits { kLast, kAll };

  /// Runs `tokens` (int64 [batch, n]) after what the cache holds and appends to it.
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
  /// (many rows of experts, several devices, offloaded weights), the most that fits an int64 where
  /// they always are.
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

  /// One forward on its way over the devices.
  struct Walk {
    const Ops& ops;
    std::vector<Step> steps;        ///< of each lane
    std::vector<Buffers>& buffers;  ///< of each lane
    size_t lane = 0;                ///< where the hidden states are

    [[nodiscard]] const Step& step() const { return steps[lane]; }
    [[nodiscard]] Buffers& here() const { return buffers[lane]; }
  };

  /// `buffers` themselves where they fit, else made anew.
  void fit_buffers(std::vector<Buffers>& buffers, int64_t rows, at::ScalarType type) const;
  void run_layers(Walk& walk, const at::Tensor& tokens, KvCache& cache);
  /// Hidden states, which are `buffers.stream`, go to the lane.
  void enter(Walk& walk, size_t lane);
  /// The same for other hidden states.
  at::Tensor carried(Walk& walk, const at::Tensor& stream, size_t lane);
  [[nodiscard]] MlpBuffers make_mlp_buffers(int64_t rows, at::TensorOptions options,
                                            bool moe) const;
  [[nodiscard]] Buffers make_buffers(int64_t rows, at::TensorOptions options) const;
  [[nodiscard]] Step make_step(const KvCache& cache, int64_t tokens, at::ScalarType type,
                               size_t lane) const;
  void embed(Walk& walk, const at::Tensor& tokens);
  [[nodiscard]] at::Tensor look_up(const at::Tensor& table, const at::Tensor& rows) const;
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
  at::Tensor finish(Walk& walk, at::Tensor stream);

  ModelSpec spec_;
  Weights weights_;
  std::unique_ptr<Ops> ops_;
  std::unique_ptr<Ops> step_ops_;
  std::vector<std::vector<Rope>> ropes_;     ///< of each lane
  std::vector<Buffers> step_buffers_;        ///< of each lane, kept between steps of one token
  std::vector<Buffers> recordable_buffers_;  ///< recorded graphs point into them
  CacheCheck check_cache_;
  int64_t moves_ = 0;
};

}  // namespace aieb::engine
