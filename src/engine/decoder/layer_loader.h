#pragma once

#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#include "engine/decoder/matrix_loader.h"
#include "engine/decoder/tensor_source.h"
#include "engine/decoder/weights.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// How weights are read.
struct LoadSettings {
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  std::optional<Quantisation> quantisation;
  bool in_place = false;  ///< see MatrixLoader
};

/// Reads layers onto one device, in the layout that the decoder runs on.
class LayerLoader {
 public:
  /// All but `settings` outlive this. What waits in `copies` has no values until those were run.
  LayerLoader(TensorSource& source, const ModelSpec& spec, const LoadSettings& settings,
              TensorCopies& copies);

  /// Problems are noted in the source.
  LayerWeights load(size_t i);

  /// Reads what is never stored transposed and never packed: the ends of the model, routers.
  MatrixLoader& plain() { return plain_; }

  [[nodiscard]] int64_t parameters() const { return plain_.parameters() + loader_.parameters(); }
  [[nodiscard]] int64_t bytes() const { return plain_.bytes() + loader_.bytes(); }

 private:
  Attention make_attention(size_t i);
  std::optional<Norm> head_norm(Slot slot, size_t i, int64_t heads);
  /// Slopes of the ALiBi paper: powers of 2^(-8/n) for the largest power of two n ≤ heads, then
  /// every other power of the sequence for 2n.
  void set_alibi(Attention& attention) const;
  Linear load_qkv(size_t i);
  LatentProjections load_latent(size_t i);
  void load_mlp(LayerWeights& layer, size_t i, Slot gate, Slot up, Slot down);
  void load_shared_expert(LayerWeights& layer, size_t i);
  Xielu load_xielu(size_t i);
  Experts load_experts(size_t i);
  void load_separate(Experts& experts, size_t i);
  /// Matrices are stored [experts, in, out] (or, in gpt-oss, as MXFP4 blocks of their transpose).
  void load_stacked(Experts& experts, size_t i);
  at::Tensor stacked_matrix(const std::string& name);
  std::optional<Norm> norm(const std::optional<std::string>& name, Slot slot);
  /// A module that the family's name map must have.
  [[nodiscard]] std::string module(Slot slot, size_t i) const;

  TensorSource& source_;
  const ModelSpec& spec_;
  MatrixLoader plain_;
  MatrixLoader loader_;  ///< of the layers' matrices
  at::Tensor qkv_order_;
  at::Tensor head_order_;  ///< of a query or key norm's weight
};

}  // namespace aieb::engine
