#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "engine/generate/settings.h"

namespace aieb::engine {

/// Applies, in transformers' order, the processors that greedy search sees too: repetition penalty
/// over `sequence` (the prompt without padding, and what was generated), then the ban of eos while
/// fewer than min_new_tokens were `generated`. `scores` is one row, float32 [vocabulary], in place.
void process_logits(const GenerationSettings& settings, std::span<const int64_t> sequence,
                    int64_t generated, at::Tensor& scores);

/// The token with the highest score of every row of `logits`, float32 [rows, vocabulary]; of equals
/// the first.
std::vector<int64_t> best_tokens(const at::Tensor& logits);

/// Probabilities to sample from: temperature, top_k (ties with the k-th value are kept), top_p and
/// min_p, in this order. At least one token keeps a positive probability.
at::Tensor sampling_distribution(const GenerationSettings& settings, const at::Tensor& scores);

/// Draws one index; the exponential race gives exactly the distribution of multinomial.
int64_t draw(const at::Tensor& probabilities, at::Generator& generator);

}  // namespace aieb::engine
