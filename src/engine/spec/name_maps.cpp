#include "engine/spec/name_maps.h"

namespace aieb::engine::names {
namespace {

using enum Slot;

const std::vector<std::string_view> kModelPrefixes = {"model.", "", "model.language_model.",
                                                      "language_model.model.", "model.text_model."};
const std::vector<SlotName> kModelEnds = {{kEmbedding, "embed_tokens"}, {kFinalNorm, "norm"}};
const std::vector<std::string_view> kModelHeads = {"lm_head", "language_model.lm_head",
                                                   "model.lm_head"};

const std::vector<SlotName> kSelfAttention = {
    {kQuery, "self_attn.q_proj", true},   {kKey, "self_attn.k_proj", true},
    {kValue, "self_attn.v_proj", true},   {kQkv, "self_attn.qkv_proj", true},
    {kOutput, "self_attn.o_proj"},        {kQueryNorm, "self_attn.q_norm", true},
    {kKeyNorm, "self_attn.k_norm", true},
};
// The first name of a slot counts, so these go before kSelfAttention.
const std::vector<SlotName> kStablelmHeadNorms = {
    {kQueryNorm, "self_attn.q_layernorm.norms.{}"},
    {kKeyNorm, "self_attn.k_layernorm.norms.{}"},
};
const std::vector<SlotName> kTwoLayerNorms = {{kPreAttentionNorm, "input_layernorm"},
                                              {kPreMlpNorm, "post_attention_layernorm"}};
const std::vector<SlotName> kFourLayerNorms = {
    {kPreAttentionNorm, "input_layernorm"},
    {kPostAttentionNorm, "post_attention_layernorm"},
    {kPreMlpNorm, "pre_feedforward_layernorm"},
    {kPostMlpNorm, "post_feedforward_layernorm"},
};
const std::vector<SlotName> kGatedMlp = {
    {kGate, "mlp.gate_proj", true},
    {kUp, "mlp.up_proj", true},
    {kGateUp, "mlp.gate_up_proj", true},
    {kDown, "mlp.down_proj", true},
};

const std::vector<SlotName> kQwenExperts = {
    {kRouter, "mlp.gate"},
    {kExpertGate, "mlp.experts.{}.gate_proj"},
    {kExpertUp, "mlp.experts.{}.up_proj"},
    {kExpertDown, "mlp.experts.{}.down_proj"},
};

std::vector<SlotName> join(std::initializer_list<std::vector<SlotName>> parts) {
  std::vector<SlotName> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

NameMap model_map(std::vector<SlotName> layer) {
  return {kModelPrefixes, "layers.", kModelEnds, kModelHeads, std::move(layer)};
}

NameMap opt_map(Slot attention_norm, Slot mlp_norm) {
  return {{"model.decoder.", "decoder.", ""},
          "layers.",
          {{kEmbedding, "embed_tokens"},
           {kPositions, "embed_positions"},
           {kProjectIn, "project_in", true},
           {kProjectOut, "project_out", true},
           {kFinalNorm, "final_layer_norm", true}},
          kModelHeads,
          {{attention_norm, "self_attn_layer_norm"},
           {kQuery, "self_attn.q_proj"},
           {kKey, "self_attn.k_proj"},
           {kValue, "self_attn.v_proj"},
           {kOutput, "self_attn.out_proj"},
           {mlp_norm, "final_layer_norm"},
           {kUp, "fc1"},
           {kDown, "fc2"}}};
}

NameMap falcon_map(const std::vector<SlotName>& norms,
                   std::vector<SlotName> ends = {{kEmbedding, "word_embeddings"},
                                                 {kFinalNorm, "ln_f"}}) {
  return {{"transformer.", ""},
          "h.",
          std::move(ends),
          kModelHeads,
          join({norms,
                {{kQkv, "self_attention.query_key_value"},
                 {kOutput, "self_attention.dense"},
                 {kUp, "mlp.dense_h_to_4h"},
                 {kDown, "mlp.dense_4h_to_h"}}})};
}

NameMap gpt2_map() {
  NameMap map{{"transformer.", ""},
              "h.",
              {{kEmbedding, "wte"}, {kPositions, "wpe"}, {kFinalNorm, "ln_f"}},
              kModelHeads,
              {{kPreAttentionNorm, "ln_1"},
               {kQkv, "attn.c_attn"},
               {kOutput, "attn.c_proj"},
               {kPreMlpNorm, "ln_2"},
               {kUp, "mlp.c_fc"},
               {kDown, "mlp.c_proj"}}};
  map.transposed = true;
  return map;
}

}  // namespace

const NameMap kLlama = model_map(join({kTwoLayerNorms, kSelfAttention, kGatedMlp}));
const NameMap kFourNorms = model_map(join({kFourLayerNorms, kSelfAttention, kGatedMlp}));

const NameMap kPostNorms = model_map(join({{{kPostAttentionNorm, "post_attention_layernorm"},
                                            {kPostMlpNorm, "post_feedforward_layernorm"}},
                                           kSelfAttention,
                                           kGatedMlp}));

const NameMap kSharedNorm =
    model_map(join({{{kPreAttentionNorm, "input_layernorm"}}, kSelfAttention, kGatedMlp}));

const NameMap kStablelm =
    model_map(join({kTwoLayerNorms, kStablelmHeadNorms, kSelfAttention, kGatedMlp}));
const NameMap kStablelmSharedNorm = model_map(join(
    {{{kPreAttentionNorm, "input_layernorm"}}, kStablelmHeadNorms, kSelfAttention, kGatedMlp}));

const NameMap kGlm4 = model_map(join({{{kPreAttentionNorm, "input_layernorm"},
                                       {kPostAttentionNorm, "post_self_attn_layernorm"},
                                       {kPreMlpNorm, "post_attention_layernorm"},
                                       {kPostMlpNorm, "post_mlp_layernorm"}},
                                      kSelfAttention,
                                      kGatedMlp}));

const NameMap kHunyuan = model_map(
    join({kTwoLayerNorms,
          {{kQueryNorm, "self_attn.query_layernorm"}, {kKeyNorm, "self_attn.key_layernorm"}},
          kSelfAttention,
          kGatedMlp}));

const NameMap kApertus = model_map(join({{{kPreAttentionNorm, "attention_layernorm"},
                                          {kPreMlpNorm, "feedforward_layernorm"},
                                          {kActivation, "mlp.act_fn"}},
                                         kSelfAttention,
                                         kGatedMlp}));

const NameMap kStarcoder2 =
    model_map(join({kTwoLayerNorms, kSelfAttention, {{kUp, "mlp.c_fc"}, {kDown, "mlp.c_proj"}}}));

const NameMap kMixtral = model_map(join({kTwoLayerNorms,
                                         kSelfAttention,
                                         {{kRouter, "block_sparse_moe.gate"},
                                          {kExpertGate, "block_sparse_moe.experts.{}.w1"},
                                          {kExpertUp, "block_sparse_moe.experts.{}.w3"},
                                          {kExpertDown, "block_sparse_moe.experts.{}.w2"}}}));

const NameMap kQwenMoe = model_map(join({kTwoLayerNorms, kSelfAttention, kGatedMlp, kQwenExperts}));

const NameMap kQwen2Moe = model_map(join({kTwoLayerNorms,
                                          kSelfAttention,
                                          kGatedMlp,
                                          kQwenExperts,
                                          {{kSharedGate, "mlp.shared_expert.gate_proj"},
                                           {kSharedUp, "mlp.shared_expert.up_proj"},
                                           {kSharedDown, "mlp.shared_expert.down_proj"},
                                           {kSharedRouter, "mlp.shared_expert_gate"}}}));

const NameMap kDeepseek = model_map(join({kTwoLayerNorms,
                                          kSelfAttention,
                                          kGatedMlp,
                                          kQwenExperts,
                                          {{kQueryDown, "self_attn.q_a_proj"},
                                           {kQueryDownNorm, "self_attn.q_a_layernorm"},
                                           {kQueryUp, "self_attn.q_b_proj"},
                                           {kKvDown, "self_attn.kv_a_proj_with_mqa"},
                                           {kKvDownNorm, "self_attn.kv_a_layernorm"},
                                           {kKvUp, "self_attn.kv_b_proj"},
                                           {kRouterBias, "mlp.gate.e_score_correction_bias"},
                                           {kSharedGate, "mlp.shared_experts.gate_proj"},
                                           {kSharedUp, "mlp.shared_experts.up_proj"},
                                           {kSharedDown, "mlp.shared_experts.down_proj"}}}));

const NameMap kLlama4 = model_map(join({kTwoLayerNorms,
                                        kSelfAttention,
                                        {{kGate, "feed_forward.gate_proj"},
                                         {kUp, "feed_forward.up_proj"},
                                         {kDown, "feed_forward.down_proj"},
                                         {kRouter, "feed_forward.router"},
                                         {kStackedGateUp, "feed_forward.experts.gate_up_proj"},
                                         {kStackedDown, "feed_forward.experts.down_proj"},
                                         {kSharedGate, "feed_forward.shared_expert.gate_proj"},
                                         {kSharedUp, "feed_forward.shared_expert.up_proj"},
                                         {kSharedDown, "feed_forward.shared_expert.down_proj"}}}));

const NameMap kGptOss = model_map(join({kTwoLayerNorms,
                                        kSelfAttention,
                                        {{kSinks, "self_attn.sinks"},
                                         {kRouter, "mlp.router"},
                                         {kInterleavedGateUp, "mlp.experts.gate_up_proj"},
                                         {kStackedDown, "mlp.experts.down_proj"}}}));

const NameMap kGpt2 = gpt2_map();

const NameMap kGptNeo = {{"transformer.", ""},
                         "h.",
                         {{kEmbedding, "wte"}, {kPositions, "wpe"}, {kFinalNorm, "ln_f"}},
                         kModelHeads,
                         {{kPreAttentionNorm, "ln_1"},
                          {kQuery, "attn.attention.q_proj"},
                          {kKey, "attn.attention.k_proj"},
                          {kValue, "attn.attention.v_proj"},
                          {kOutput, "attn.attention.out_proj"},
                          {kPreMlpNorm, "ln_2"},
                          {kUp, "mlp.c_fc"},
                          {kDown, "mlp.c_proj"}}};

const NameMap kGptj = {{"transformer.", ""},
                       "h.",
                       {{kEmbedding, "wte"}, {kFinalNorm, "ln_f"}},
                       kModelHeads,
                       {{kPreAttentionNorm, "ln_1"},
                        {kQuery, "attn.q_proj"},
                        {kKey, "attn.k_proj"},
                        {kValue, "attn.v_proj"},
                        {kOutput, "attn.out_proj"},
                        {kUp, "mlp.fc_in"},
                        {kDown, "mlp.fc_out"}}};

const NameMap kGptNeox = {{"gpt_neox.", ""},
                          "layers.",
                          {{kEmbedding, "embed_in"}, {kFinalNorm, "final_layer_norm"}},
                          {"embed_out", "lm_head"},
                          {{kPreAttentionNorm, "input_layernorm"},
                           {kQkv, "attention.query_key_value"},
                           {kOutput, "attention.dense"},
                           {kPreMlpNorm, "post_attention_layernorm"},
                           {kUp, "mlp.dense_h_to_4h"},
                           {kDown, "mlp.dense_4h_to_h"}}};

const NameMap kOpt = opt_map(kPreAttentionNorm, kPreMlpNorm);
const NameMap kOptPostNorm = opt_map(kAttentionResidualNorm, kMlpResidualNorm);

const NameMap kPhi = {kModelPrefixes,
                      "layers.",
                      {{kEmbedding, "embed_tokens"}, {kFinalNorm, "final_layernorm"}},
                      kModelHeads,
                      {{kPreAttentionNorm, "input_layernorm"},
                       {kQuery, "self_attn.q_proj"},
                       {kKey, "self_attn.k_proj"},
                       {kValue, "self_attn.v_proj"},
                       {kOutput, "self_attn.dense"},
                       {kQueryNorm, "self_attn.q_layernorm", true},
                       {kKeyNorm, "self_attn.k_layernorm", true},
                       {kUp, "mlp.fc1"},
                       {kDown, "mlp.fc2"}}};

const NameMap kBloom =
    falcon_map({{kPreAttentionNorm, "input_layernorm"}, {kPreMlpNorm, "post_attention_layernorm"}},
               {{kEmbedding, "word_embeddings"},
                {kEmbeddingNorm, "word_embeddings_layernorm"},
                {kFinalNorm, "ln_f"}});
const NameMap kFalconSharedNorm = falcon_map({{kPreAttentionNorm, "input_layernorm"}});
const NameMap kFalconTwoNorms =
    falcon_map({{kPreAttentionNorm, "ln_attn"}, {kPreMlpNorm, "ln_mlp"}});
const NameMap kFalconSequential =
    falcon_map({{kPreAttentionNorm, "input_layernorm"}, {kPreMlpNorm, "post_attention_layernorm"}});

}  // namespace aieb::engine::names
