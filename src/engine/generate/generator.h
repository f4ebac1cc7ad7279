#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "engine/decoder/decoder.h"
#include "engine/generate/settings.h"

namespace aieb::engine {

/// One sequence to continue.
struct Prompt {
  std::vector<int64_t> tokens;  ///< at least one
  GenerationSettings settings;
};

enum class Finish { kEos, kStopString, kLength, kCancelled };

struct Continuation {
  std::vector<int64_t> tokens;  ///< new tokens, with the final eos
  Finish finish = Finish::kLength;
  at::Tensor prompt_logits;  ///< float32 [vocabulary] at the prompt's last position, CPU
};

/// What a caller hears while tokens are made. `rows` are indices into the prompts.
struct GenerationHooks {
  /// Tokens of these rows exist: they have been copied from the device.
  std::function<void(std::span<const size_t> rows)> on_tokens;
  /// Text of generated tokens, for stop strings.
  std::function<std::string(std::span<const int64_t> tokens)> decode;
  bool keep_prompt_logits = false;
};

/// Continues a batch of prompts until every one has ended. Shorter prompts are padded on the left;
/// finished rows are fed padding. When `stop` is requested, the unfinished rows end as kCancelled.
/// Throws what ATen throws, e.g. c10::OutOfMemoryError.
std::vector<Continuation> generate(Decoder& decoder, const std::vector<Prompt>& prompts,
                                   const GenerationHooks& hooks, const std::stop_token& stop);

}  // namespace aieb::engine
