#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/checkpoint/checkpoint.h"
#include "engine/decoder/device_plan.h"
#include "engine/decoder/latent_attention.h"
#include "engine/kernels/linear.h"
#include "engine/kernels/ops.h"
#include "engine/kernels/xielu.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// Weights of one layer. Slots that the family does not have are empty.
struct LayerWeights {
  std::optional<Norm> pre_attention;
  std::optional<Norm> post_attention;      ///< on the branch, before it is added
  std::optional<Norm> attention_residual;  ///< on the stream, after the addition
  std::optional<Norm> pre_mlp;
  std::optional<Norm> post_mlp;
  std::optional<Norm> mlp_residual;
  Linear qkv;                               ///< rows: all q, all k, all v
  std::optional<LatentProjections> latent;  ///< instead of qkv
  Linear output;
  Attention attention;
  Linear expand;  ///< [inner, hidden], or [2·inner, hidden] (gate, then up) when gated
  Linear contract;
  std::optional<Xielu> xielu;      ///< coefficients of Activation::kXielu
  std::optional<Experts> experts;  ///< expand and contract are then the shared expert's, if any
  Linear shared_router;            ///< [1, hidden]: σ of it weighs the shared expert
};

/// Reads a layer from the checkpoint onto a device.
using LayerReader = std::function<LayerWeights(size_t layer, at::Device device)>;

/// All weights of a model, in the layout the decoder runs on.
struct Weights {
  at::Tensor embedding;  ///< [vocabulary, width]
  at::Tensor positions;  ///< [rows, hidden], or undefined
  std::optional<Norm> embedding_norm;
  std::optional<Norm> final_norm;
  Linear project_in;
  Linear project_out;
  Linear head;
  std::vector<LayerWeights> layers;  ///< those on disk have shapes only (meta tensors)

  at::ScalarType dtype = at::kFloat;  ///< of dense weights in memory
  DevicePlan plan;                    ///< where the parts lie and run
  LayerReader read_layer;             ///< of layers on disk; the checkpoint outlives it
  int64_t parameters = 0;             ///< elements, a tied head counted once
  int64_t bytes = 0;                  ///< in memory, and of what stays on disk
  std::map<Place, int64_t> bytes_by_place;
  std::vector<std::string> unused;  ///< tensors of the checkpoint that nothing read
};

/// The type that `torch_dtype: auto` means: the configuration's, else that of the first
/// floating-point tensor. Throws ModelError for an unknown name in the configuration.
at::ScalarType natural_dtype(const Checkpoint& checkpoint);

/// Reads, fuses and converts; with `quantisation`, packs the matrices of the layers (not the
/// embedding, the head, routers and stacked experts, as transformers leaves those). What `plan`
/// leaves on disk is read once, to be checked. Throws ModelError listing every tensor that is
/// missing or has the wrong shape. `checkpoint` outlives the weights.
Weights load_weights(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
                     const DevicePlan& plan, const std::optional<Quantisation>& quantisation = {});

}  // namespace aieb::engine
