#include <algorithm>
#include <cmath>

#include "engine/spec/family_parts.h"
#include "engine/spec/name_maps.h"

// Families with mixtures of experts. Defaults for absent keys are those of the configuration
// classes of transformers 5.
namespace aieb::engine {
namespace {

/// Qwen's rule for which layers are mixtures.
void set_sparse_layers(ModelSpec& spec, const ConfigReader& config) {
  const auto dense = config.get("mlp_only_layers", std::vector<size_t>{});
  const auto step = config.get<size_t>("decoder_sparse_step", 1);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const bool listed = std::ranges::find(dense, i) != dense.end();
    spec.layers[i].moe = !listed && spec.mlp.moe.experts > 0 && (i + 1) % step == 0;
  }
}

/// The routing of DeepSeek-V3: sigmoid scores, a correction to choose by, groups.
void set_grouped_routing(ModelSpec& spec, const ConfigReader& config, const MoeSpec& defaults) {
  MoeSpec& moe = spec.mlp.moe;
  moe.score = RouterScore::kSigmoid;
  moe.experts = config.get<int64_t>({"n_routed_experts", "num_local_experts"}, defaults.experts);
  moe.per_token = config.get<int64_t>("num_experts_per_tok", 8);
  moe.renormalise = config.get("norm_topk_prob", true);
  moe.scale = config.get("routed_scaling_factor", defaults.scale);
  moe.groups = config.get<int64_t>("n_group", defaults.groups);
  moe.groups_kept = config.get<int64_t>("topk_group", defaults.groups_kept);
  if (moe.groups < 1 || moe.experts % moe.groups != 0) {
    config.fail("n_group", "it does not divide the number of experts");
  }
}

void set_dense_beginning(ModelSpec& spec, size_t dense) {
  for (size_t i = 0; i < spec.layers.size(); ++i) spec.layers[i].moe = i >= dense;
}

}  // namespace

ModelSpec qwen3_moe(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 4});
  spec.names = &names::kQwenMoe;
  spec.attention.qk_norm = spec.norm;
  set_windows(spec, config, switched_window(config, 4096), kAllLayers);
  spec.mlp.moe = {.experts = config.get<int64_t>({"num_experts", "num_local_experts"}, 128),
                  .per_token = config.get<int64_t>("num_experts_per_tok", 8),
                  .renormalise = config.get("norm_topk_prob", false)};
  set_sparse_layers(spec, config);
  return spec;
}

ModelSpec mixtral(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 8}, {.theta = 1e6});
  spec.names = &names::kMixtral;
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  set_windows(spec, config, config.get<int64_t>("sliding_window", 0), kAllLayers);
  spec.mlp.moe = {.experts = config.get<int64_t>({"num_local_experts", "num_experts"}, 8),
                  .per_token = config.get<int64_t>("num_experts_per_tok", 2),
                  .renormalise = true};
  for (auto& layer : spec.layers) layer.moe = true;
  return spec;
}

ModelSpec gpt_oss(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = read_sizes(config, names::kGptOss, {.kv_heads = 8, .head_dim = 64});
  spec.norm = {.eps = config.get("rms_norm_eps", 1e-5), .cast_before_weight = false};
  spec.tied_head = config.get("tie_word_embeddings", false);
  spec.mlp.activation = Activation::kClampedSwiglu;
  spec.mlp.moe = {.experts = config.get<int64_t>({"num_local_experts", "num_experts"}, 128),
                  .per_token = config.get<int64_t>({"num_experts_per_tok", "experts_per_token"}, 4),
                  .score = RouterScore::kSoftmaxOfChosen};
  for (auto& layer : spec.layers) layer.moe = true;
  Json parameters = rope_parameters(config);
  if (parameters.empty()) {
    parameters = {{"rope_type", "yarn"},
                  {"factor", 32.0},
                  {"truncate", false},
                  {"original_max_position_embeddings", 4096}};
  }
  set_rope(spec, read_rope(config, parameters, spec.attention.head_dim, {.theta = 150000}));
  set_windows(spec, config, nullable_window(raw, 128), [](size_t i) { return i % 2 == 0; });
  return spec;
}

ModelSpec qwen2_moe(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 16});
  spec.names = &names::kQwen2Moe;
  const auto first = static_cast<size_t>(config.get("max_window_layers", 28));
  set_windows(spec, config, switched_window(config, 4096),
              [first](size_t i) { return i % 2 == 0 && i < first; });
  spec.mlp.moe = {.experts = config.get<int64_t>({"num_experts", "num_local_experts"}, 60),
                  .per_token = config.get<int64_t>("num_experts_per_tok", 4),
                  .renormalise = config.get("norm_topk_prob", false)};
  set_sparse_layers(spec, config);
  return spec;
}

ModelSpec glm4_moe(const ConfigReader& config, const Json&) {
  ModelSpec spec = llama_like(config, {.kv_heads = 8}, {.partial = 0.5});
  spec.names = &names::kDeepseek;
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  if (config.get("use_qk_norm", false)) spec.attention.qk_norm = spec.norm;
  set_grouped_routing(spec, config, {.experts = 128});
  set_dense_beginning(spec, config.get<size_t>("first_k_dense_replace", 1));
  return spec;
}

ModelSpec deepseek_v3(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = llama_like(config);
  spec.names = &names::kDeepseek;
  AttentionSpec& attention = spec.attention;
  LatentSpec& latent = attention.latent;
  latent.query_rank = static_cast<int64_t>(nullable(raw, "q_lora_rank", 1536));
  latent.kv_rank = config.get<int64_t>("kv_lora_rank", 512);
  latent.rotated = config.get<int64_t>("qk_rope_head_dim", 64);
  latent.norm = {.eps = 1e-6};
  attention.kv_heads = attention.heads;
  attention.head_dim = config.get<int64_t>("qk_nope_head_dim", 128) + latent.rotated;
  attention.value_dim = config.get<int64_t>("v_head_dim", 128);
  attention.rotates_neighbours = config.get("rope_interleave", true);
  set_rope(spec, read_rope(config, latent.rotated));
  const double magnitude = yarn_attention_magnitude(config, spec.ropes.front());
  attention.scale = magnitude * magnitude / std::sqrt(static_cast<double>(attention.head_dim));
  set_grouped_routing(spec, config, {.experts = 256, .scale = 2.5, .groups = 8, .groups_kept = 4});
  set_dense_beginning(spec, config.get<size_t>("first_k_dense_replace", 3));
  return spec;
}

ModelSpec llama4(const ConfigReader& config, const Json& raw) {
  ModelSpec spec = llama_like(config, {.kv_heads = 8, .head_dim = 128}, {.theta = 500000});
  spec.names = &names::kLlama4;
  spec.norm.eps = config.get("rms_norm_eps", 1e-5);
  AttentionSpec& attention = spec.attention;
  attention.rotates_neighbours = true;
  attention.norm_after_rope = true;
  if (config.get("use_qk_norm", true)) {
    attention.qk_norm = NormSpec{.eps = spec.norm.eps, .weighted = false};
  }
  attention.temperature = {.gain = config.get("attn_scale", 0.1),
                           .period = config.get("floor_scale", 8192.0),
                           .cache_index_from_one = true};
  spec.mlp.moe = {.experts = config.get<int64_t>({"num_local_experts", "num_experts"}, 16),
                  .per_token = config.get<int64_t>("num_experts_per_tok", 1),
                  .score = RouterScore::kSigmoid,
                  .weigh_input = true};
  const auto rotated = config.get("no_rope_layers", std::vector<int>{});  // 1: has rope
  const auto interval = config.get<size_t>("no_rope_layer_interval", 4);
  const auto mixtures = config.get("moe_layers", std::vector<size_t>{});
  const auto step = config.get<size_t>("interleave_moe_layer_step", 1);
  const auto chunk = static_cast<int64_t>(nullable(raw, "attention_chunk_size", 8192));
  const auto types = config.get("layer_types", std::vector<std::string>{});
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    const bool has_rope = i < rotated.size() ? rotated[i] != 0 : (i + 1) % interval != 0;
    layer.rope = has_rope ? 0 : -1;
    layer.qk_norm = has_rope;
    layer.tempered = !has_rope && config.get("attn_temperature_tuning", true);
    layer.chunk = (i < types.size() ? types[i] == "chunked_attention" : has_rope) ? chunk : 0;
    layer.moe = config.has("moe_layers") ? std::ranges::find(mixtures, i) != mixtures.end()
                                         : (i + 1) % step == 0;
  }
  return spec;
}

}  // namespace aieb::engine
