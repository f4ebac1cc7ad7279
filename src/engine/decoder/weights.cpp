#include "engine/decoder/weights.h"

#include <algorithm>
#include <array>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "engine/decoder/mxfp4.h"
#include "engine/decoder/tensor_source.h"
#include "engine/decoder/weight_arena.h"
#include "engine/spec/config_reader.h"

namespace aieb::engine {
namespace {

/// Rows of a fused query/key/value matrix (or bias) as all q, all k, all v.
at::Tensor order_qkv(const at::Tensor& rows, const AttentionSpec& attention) {
  if (!rows.defined()) return rows;
  const int64_t width = rows.dim() == 2 ? rows.size(1) : 1;
  const int64_t d = attention.head_dim;
  if (attention.layout == QkvLayout::kPerHead) {
    return rows.reshape({attention.heads, 3, d, width}).transpose(0, 1).reshape(rows.sizes());
  }
  if (attention.layout == QkvLayout::kPerGroup) {
    const int64_t queries = attention.heads / attention.kv_heads;
    const at::Tensor groups = rows.reshape({attention.kv_heads, queries + 2, d, width});
    const auto part = [&](int64_t first, int64_t count) {
      return groups.narrow(1, first, count).reshape({-1, width});
    };
    return at::cat({part(0, queries), part(queries, 1), part(queries + 1, 1)})
        .reshape(rows.sizes());
  }
  return rows;
}

constexpr int64_t kAny = -1;

class Loader {
 public:
  Loader(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
         at::Device device)
      : source_(checkpoint, *spec.names), spec_(spec), dtype_(dtype), device_(device) {}

  Weights load() {
    Weights weights;
    load_ends(weights);
    for (size_t i = 0; i < spec_.layers.size(); ++i) weights.layers.push_back(load_layer(i));
    source_.check();
    weights.unused = source_.unused();
    weights.parameters = parameters_;
    weights.bytes = bytes_;
    return weights;
  }

 private:
  void load_ends(Weights& weights) {
    const std::string embedding = *source_.end_module(Slot::kEmbedding) + ".weight";
    weights.embedding =
        finish(checked(embedding, source_.take(embedding), {spec_.vocabulary, kAny}));
    if (const auto positions = source_.end_module(Slot::kPositions)) {
      weights.positions = finish(source_.take(*positions + ".weight"));
    }
    weights.embedding_norm =
        load_norm(source_.end_module(Slot::kEmbeddingNorm), spec_.norm, Slot::kEmbeddingNorm);
    weights.final_norm =
        load_norm(source_.end_module(Slot::kFinalNorm), spec_.norm, Slot::kFinalNorm);
    if (const auto module = source_.end_module(Slot::kProjectIn)) {
      weights.project_in = load_linear(*module, true, spec_.hidden, kAny);
      weights.project_out =
          load_linear(*source_.end_module(Slot::kProjectOut), true, kAny, spec_.hidden);
    }
    const std::string head = *source_.end_module(Slot::kHead);
    if (spec_.tied_head) {
      source_.skip(head + ".weight");
      weights.head = {weights.embedding, {}};
    } else {
      weights.head.weight = finish(
          checked(head + ".weight", source_.take(head + ".weight"), {spec_.vocabulary, kAny}));
    }
    weights.head.bias = finish(source_.take_if_present(head + ".bias"));
  }

  LayerWeights load_layer(size_t i) {
    LayerWeights layer;
    const auto norm = [&](Slot slot) {
      return load_norm(source_.layer_module(slot, i), spec_.norm, slot);
    };
    layer.pre_attention = norm(Slot::kPreAttentionNorm);
    layer.post_attention = norm(Slot::kPostAttentionNorm);
    layer.attention_residual = norm(Slot::kAttentionResidualNorm);
    layer.pre_mlp = norm(Slot::kPreMlpNorm);
    layer.post_mlp = norm(Slot::kPostMlpNorm);
    layer.mlp_residual = norm(Slot::kMlpResidualNorm);
    layer.qkv = load_qkv(i);
    layer.output =
        load_linear(*source_.layer_module(Slot::kOutput, i), false, spec_.hidden, q_width());
    layer.attention = make_attention(i);
    if (spec_.layers[i].moe) {
      layer.experts = load_experts(i);
    } else {
      layer.expand = load_expand(i);
      const int64_t wide = layer.expand.defined() ? layer.expand.out_features() : kAny;
      layer.contract = load_linear(*source_.layer_module(Slot::kDown, i), false, spec_.hidden,
                                   spec_.mlp.gated && wide != kAny ? wide / 2 : wide);
    }
    return layer;
  }

  Attention make_attention(size_t i) {
    const AttentionSpec& from = spec_.attention;
    const LayerSpec& layer = spec_.layers[i];
    Attention attention;
    attention.heads = from.heads;
    attention.kv_heads = from.kv_heads;
    attention.head_dim = from.head_dim;
    attention.scale = layer.attention_scale != 0 ? layer.attention_scale : from.scale;
    attention.softcap = from.softcap;
    attention.window = layer.window;
    attention.rope = layer.rope;
    attention.norm_after_rope = from.norm_after_rope;
    if (from.qk_norm) {
      attention.q_norm = load_norm(source_.layer_module(Slot::kQueryNorm, i), *from.qk_norm, {});
      attention.k_norm = load_norm(source_.layer_module(Slot::kKeyNorm, i), *from.qk_norm, {});
    }
    if (const auto sinks = source_.layer_module(Slot::kSinks, i)) {
      attention.sinks = finish(source_.take(*sinks));
    }
    if (spec_.position == PositionKind::kAlibi) set_alibi(attention);
    return attention;
  }

  /// Slopes of the ALiBi paper: powers of 2^(-8/n) for the largest power of two n ≤ heads, then
  /// every other power of the sequence for 2n.
  void set_alibi(Attention& attention) const {
    int64_t power = 1;
    while (power * 2 <= attention.heads) power *= 2;
    const auto sequence = [](int64_t n, int64_t first, int64_t step, int64_t count) {
      const at::Tensor exponents = at::arange(first, first + step * count, step, at::kInt);
      return at::pow(at::full({}, std::exp2(-8.0 / static_cast<double>(n)), at::kFloat), exponents);
    };
    at::Tensor slopes = sequence(power, 1, 1, power);
    if (power < attention.heads) {
      slopes = at::cat({slopes, sequence(2 * power, 1, 2, attention.heads - power)});
    }
    attention.alibi_slopes = slopes.to(at::kFloat).to(device_);
    attention.alibi_scale = spec_.alibi_scale;
    attention.alibi_in_bf16 = spec_.alibi_in_bf16;
  }

  Linear load_qkv(size_t i) {
    const auto fused = source_.layer_module(Slot::kQkv, i);
    const auto query = source_.layer_module(Slot::kQuery, i);
    if (fused && (!query || source_.contains(*fused + ".weight"))) {
      const int64_t rows = q_width() + 2 * kv_width();
      return {finish(order_qkv(matrix(*fused, false, rows, spec_.hidden), spec_.attention)),
              finish(order_qkv(source_.take_if_present(*fused + ".bias"), spec_.attention))};
    }
    return join({{*query, q_width()},
                 {*source_.layer_module(Slot::kKey, i), kv_width()},
                 {*source_.layer_module(Slot::kValue, i), kv_width()}});
  }

  Linear load_expand(size_t i) {
    const auto up = source_.layer_module(Slot::kUp, i);
    if (!spec_.mlp.gated) return load_linear(*up, false, kAny, spec_.hidden);
    const auto fused = source_.layer_module(Slot::kGateUp, i);
    if (fused && source_.contains(*fused + ".weight")) {
      return load_linear(*fused, false, kAny, spec_.hidden);
    }
    return join({{*source_.layer_module(Slot::kGate, i), kAny}, {*up, kAny}});
  }

  Experts load_experts(size_t i) {
    Experts experts;
    experts.router = load_linear(*source_.layer_module(Slot::kRouter, i), false,
                                 spec_.mlp.moe.experts, spec_.hidden);
    if (const auto stacked = source_.layer_module(Slot::kStackedGateUp, i)) {
      load_stacked(experts, *stacked, *source_.layer_module(Slot::kStackedDown, i));
      return experts;
    }
    std::vector<at::Tensor> gate_up;
    std::vector<at::Tensor> down;
    for (int64_t e = 0; e < spec_.mlp.moe.experts; ++e) {
      const auto name = [&](Slot slot) { return expert_tensor(*source_.layer_module(slot, i), e); };
      const at::Tensor gate = source_.take(name(Slot::kExpertGate));
      const at::Tensor up = source_.take(name(Slot::kExpertUp));
      down.push_back(convert(source_.take(name(Slot::kExpertDown))));
      if (!gate.defined() || !up.defined() || !down.back().defined()) return experts;
      gate_up.push_back(at::cat({convert(gate), convert(up)}));
    }
    experts.gate_up = count(at::stack(gate_up));
    experts.down = count(at::stack(down));
    return experts;
  }

  static std::string expert_tensor(std::string module, int64_t expert) {
    module.replace(module.find("{}"), 2, std::to_string(expert));
    return module + ".weight";
  }

  /// gpt-oss: matrices are stored [experts, in, out] (or as MXFP4 blocks of their transpose), with
  /// gate and up outputs interleaved.
  void load_stacked(Experts& experts, const std::string& gate_up, const std::string& down) {
    const auto halves = [](const at::Tensor& rows) {
      return at::cat({rows.slice(1, 0, {}, 2), rows.slice(1, 1, {}, 2)}, 1);
    };
    const at::Tensor wide = stacked_matrix(gate_up);
    const at::Tensor narrow = stacked_matrix(down);
    const at::Tensor wide_bias = source_.take_if_present(gate_up + "_bias");
    if (!wide.defined() || !narrow.defined()) return;
    experts.gate_up = finish(halves(wide));
    experts.down = finish(narrow);
    if (wide_bias.defined()) experts.gate_up_bias = finish(halves(wide_bias));
    experts.down_bias = finish(source_.take_if_present(down + "_bias"));
  }

  at::Tensor stacked_matrix(const std::string& name) {
    if (source_.contains(name + "_blocks")) {
      return decode_mxfp4(source_.take(name + "_blocks"), source_.take(name + "_scales"), dtype_);
    }
    const at::Tensor stored = source_.take(name);
    return stored.defined() ? stored.transpose(1, 2) : stored;
  }

  std::optional<Norm> load_norm(const std::optional<std::string>& module, const NormSpec& spec,
                                std::optional<Slot> slot) {
    if (!module) return std::nullopt;
    const bool optional = slot && source_.is_optional(*slot);
    at::Tensor weight =
        optional ? source_.take_if_present(*module + ".weight") : source_.take(*module + ".weight");
    if (slot) weight = checked(*module + ".weight", weight, {spec_.hidden});
    if (!weight.defined()) return std::nullopt;
    if (spec.weight_offset != 0) weight = weight.to(at::kFloat) + spec.weight_offset;
    Norm norm;
    norm.kind = spec.kind;
    norm.eps = spec.eps;
    norm.cast_before_weight = spec.cast_before_weight;
    // The sum 1 + w is kept in float32: families that have it multiply before they cast.
    norm.weight = spec.weight_offset != 0 ? count(weight.to(device_)) : finish(weight);
    norm.bias = finish(source_.take_if_present(*module + ".bias"));
    return norm;
  }

  [[nodiscard]] int64_t q_width() const { return spec_.attention.heads * spec_.attention.head_dim; }
  [[nodiscard]] int64_t kv_width() const {
    return spec_.attention.kv_heads * spec_.attention.head_dim;
  }

  Linear load_linear(const std::string& module, bool optional, int64_t out, int64_t in) {
    const at::Tensor weight = matrix(module, optional, out, in);
    return {finish(weight), finish(source_.take_if_present(module + ".bias"))};
  }

  struct Part {
    std::string module;
    int64_t rows;
  };

  /// Several matrices that read the hidden state as one, rows after rows.
  Linear join(const std::vector<Part>& parts) {
    std::vector<at::Tensor> weights;
    std::vector<at::Tensor> biases;
    for (const auto& [module, rows] : parts) {
      weights.push_back(convert(matrix(module, false, rows, spec_.hidden)));
      biases.push_back(convert(source_.take_if_present(module + ".bias")));
    }
    const auto defined = [](const at::Tensor& tensor) { return tensor.defined(); };
    if (!std::ranges::all_of(weights, defined)) return {};
    if (std::ranges::none_of(biases, defined)) return {count(at::cat(weights)), {}};
    for (size_t i = 0; i < biases.size(); ++i) {
      if (!biases[i].defined()) biases[i] = at::zeros({weights[i].size(0)}, weights[i].options());
    }
    return {count(at::cat(weights)), count(at::cat(biases))};
  }

  /// A matrix [out, in]; kAny leaves a size open.
  at::Tensor matrix(const std::string& module, bool optional, int64_t out, int64_t in) {
    const std::string name = module + ".weight";
    const at::Tensor weight = optional ? source_.take_if_present(name) : source_.take(name);
    if (!spec_.names->transposed) return checked(name, weight, {out, in});
    const at::Tensor stored = checked(name, weight, {in, out});
    return stored.defined() ? stored.t() : stored;
  }

  /// The tensor, or an undefined one (and a noted problem) when its shape is not the expected one.
  at::Tensor checked(const std::string& name, const at::Tensor& tensor,
                     std::vector<int64_t> shape) {
    if (!tensor.defined()) return tensor;
    const auto fits = [](int64_t size, int64_t wanted) { return wanted == kAny || size == wanted; };
    if (std::ranges::equal(tensor.sizes(), shape, fits)) return tensor;
    const auto text = [](at::IntArrayRef sizes) {
      std::string list;
      for (const int64_t size : sizes) {
        list += (list.empty() ? "" : ", ") + (size == kAny ? "any" : std::to_string(size));
      }
      return "[" + list + "]";
    };
    source_.note_problem(name + " has the shape " + text(tensor.sizes()) +
                         ", the configuration needs " + text(shape));
    return {};
  }

  [[nodiscard]] at::Tensor convert(const at::Tensor& tensor) const {
    return tensor.defined() ? tensor.to(device_, dtype_).contiguous() : tensor;
  }

  at::Tensor finish(const at::Tensor& tensor) {
    return tensor.defined() ? count(convert(tensor)) : tensor;
  }

  at::Tensor count(at::Tensor tensor) {
    parameters_ += tensor.numel();
    bytes_ += static_cast<int64_t>(tensor.nbytes());
    return device_.is_cpu() ? arena_.place(tensor) : tensor;
  }

  TensorSource source_;
  const ModelSpec& spec_;
  at::ScalarType dtype_;
  at::Device device_;
  WeightArena arena_;
  int64_t parameters_ = 0;
  int64_t bytes_ = 0;
};

struct DtypeName {
  const char* name;
  at::ScalarType type;
};
constexpr std::array kDtypes = {DtypeName{"float32", at::kFloat},
                                DtypeName{"bfloat16", at::kBFloat16},
                                DtypeName{"float16", at::kHalf}};

}  // namespace

at::ScalarType natural_dtype(const Checkpoint& checkpoint) {
  const ConfigReader config(checkpoint.config(), checkpoint.path());
  for (const char* key : {"dtype", "torch_dtype"}) {
    auto name = config.get<std::string>(key, "");
    if (name.empty()) continue;
    if (name.starts_with("torch.")) name.erase(0, 6);
    for (const auto& entry : kDtypes) {
      if (name == entry.name) return entry.type;
    }
    throw ModelError(checkpoint.path() + ": config key '" + key + "': the type '" + name +
                     "' is not supported; set backend.torch_dtype to float32, bfloat16 or float16");
  }
  for (const auto& name : checkpoint.names()) {
    const auto type = checkpoint.info(name).dtype;
    if (type == at::kFloat || type == at::kBFloat16 || type == at::kHalf) return type;
  }
  return at::kFloat;
}

Weights load_weights(const Checkpoint& checkpoint, const ModelSpec& spec, at::ScalarType dtype,
                     at::Device device) {
  return Loader(checkpoint, spec, dtype, device).load();
}

}  // namespace aieb::engine
