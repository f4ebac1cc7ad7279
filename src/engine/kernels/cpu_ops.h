#pragma once

#include <memory>
#include <vector>

#include "engine/kernels/cpu/attention.h"
#include "engine/kernels/cpu/thread_pool.h"
#include "engine/kernels/ops.h"

namespace aieb::engine {

/// Decoding steps on the kernels of cpu/: one new token for each of a few rows. Weights and cache
/// are read in their own type (float32, bfloat16, float16); activations and all sums are float32,
/// so results are closer to the exact ones than those of an engine that rounds between operations.
///
/// Not here, so that such models decode with AtenOps: ALiBi rounded to bfloat16 (Falcon).
/// Precondition of every call: Step::tokens is 1.
class CpuOps : public Ops {
 public:
  /// `threads` includes the caller.
  explicit CpuOps(int threads);

  /// Whether steps of this model can run here.
  static bool supports(const ModelSpec& spec, at::ScalarType weights, at::Device device);

  [[nodiscard]] at::ScalarType activation_type(at::ScalarType weights) const override;
  void norm(const Norm& norm, const at::Tensor& x, at::Tensor& out) const override;
  void linear(const Linear& linear, const at::Tensor& x, at::Tensor& out) const override;
  void linear_add(const Linear& linear, const at::Tensor& x, at::Tensor& residual) const override;
  void add(const at::Tensor& x, double scale, at::Tensor& residual) const override;
  void attend(const Attention& attention, const Step& step, at::Tensor& qkv, KvLayer& cache,
              at::Tensor& out) const override;
  void activate(Activation activation, at::Tensor& x) const override;
  void gate(Activation activation, const at::Tensor& gate_up, at::Tensor& out) const override;
  void experts(const MoeSpec& spec, Activation activation, const Experts& experts,
               const at::Tensor& x, at::Tensor& out) const override;

 private:
  /// Space that is reused from call to call and means nothing between them.
  struct Scratch {
    std::vector<float> parts;    ///< partial attention results
    std::vector<float> sinks;    ///< of the layer at hand, as float32
    std::vector<float> slopes;   ///< likewise, scaled
    std::vector<float> widened;  ///< a bias
    std::vector<float> expanded;
    std::vector<float> inner;
    std::vector<float> branch;
    std::vector<float> weighed;  ///< an expert's input times its weight
  };

  [[nodiscard]] cpu::DecodeAttention describe(const Attention& attention) const;

  std::unique_ptr<cpu::ThreadTeam> team_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace aieb::engine
