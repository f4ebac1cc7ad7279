#pragma once

#include "engine/spec/names.h"

namespace aieb::engine::names {

extern const NameMap kLlama;       ///< Llama, Mistral, Qwen, SmolLM3, Gemma, Phi-3 …
extern const NameMap kFourNorms;   ///< Gemma 2 and 3: norms before and after both branches
extern const NameMap kPostNorms;   ///< Olmo 2, Exaone 4: norms on the branches' outputs only
extern const NameMap kSharedNorm;  ///< Cohere: both branches read one norm
extern const NameMap kStablelm;
extern const NameMap kStablelmSharedNorm;
extern const NameMap kGlm4;
extern const NameMap kHunyuan;
extern const NameMap kApertus;
extern const NameMap kStarcoder2;
extern const NameMap kMixtral;
extern const NameMap kQwenMoe;
extern const NameMap kQwen2Moe;
extern const NameMap kDeepseek;  ///< DeepSeek-V3 and GLM-4.5
extern const NameMap kLlama4;
extern const NameMap kGptOss;
extern const NameMap kGpt2;
extern const NameMap kGptNeo;
extern const NameMap kGptj;
extern const NameMap kGptNeox;
extern const NameMap kOpt;          ///< norms before the branches
extern const NameMap kOptPostNorm;  ///< opt-350m
extern const NameMap kPhi;
extern const NameMap kBloom;
extern const NameMap kFalconSharedNorm;  ///< falcon-7b
extern const NameMap kFalconTwoNorms;    ///< falcon-40b, -180b
extern const NameMap kFalconSequential;  ///< falcon-rw

}  // namespace aieb::engine::names
