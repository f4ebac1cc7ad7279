#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>

#include "engine/decoder/decoder.h"
#include "engine/generate/settings.h"
#include "engine/generate/stepper.h"

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

/// Continues batches of prompts with one decoder. Not thread-safe.
class Generator {
 public:
  /// `decoder` outlives this. With `make_graph`, steps of one token are recorded and replayed.
  /// One that cannot be recorded runs eagerly, as all do from then on.
  explicit Generator(Decoder& decoder, StepGraphMaker make_graph = {});

  /// Continues every prompt until it has ended. Shorter prompts are padded on the left; finished
  /// rows keep their place. When `stop` is requested, the unfinished rows end as kCancelled.
  /// Throws what ATen throws, e.g. c10::OutOfMemoryError.
  std::vector<Continuation> generate(const std::vector<Prompt>& prompts,
                                     const GenerationHooks& hooks, const std::stop_token& stop);

  /// See Stepper::recording_problem.
  [[nodiscard]] const std::string& recording_problem() const {
    return stepper_.recording_problem();
  }

 private:
  Decoder& decoder_;
  Stepper stepper_;
  std::optional<c10::Stream> stream_;  ///< recordings need one that is not the default
};

}  // namespace aieb::engine
