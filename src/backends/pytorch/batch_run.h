#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "backends/backend.h"
#include "backends/pytorch/prompt_text.h"
#include "engine/generate/generator.h"
#include "engine/generate/settings.h"
#include "engine/model.h"

namespace aieb {

/// What all batches of a run share.
struct BatchSettings {
  engine::ModelDefaults defaults;
  std::optional<int64_t> pad;
  bool use_cache = true;
  bool truncate = true;
  bool return_logits = false;
  uint64_t seed = 0;
};

/// Answers the requests as one batch and reports each to the sink: started at the beginning of the
/// prefill, its tokens as they leave the device, then finished. A request that cannot be answered
/// (too long, out of memory) is reported as failed. Record extras: token_ids; last_logits (of the
/// prompt's last position) and prompt_token_ids when logits were asked for; sequences when several
/// were asked for; notices.
void run_batch(engine::Model& model, engine::Generator& generator, const PromptText& text,
               const BatchSettings& settings, std::span<const Request> requests,
               RunContext& context);

}  // namespace aieb
