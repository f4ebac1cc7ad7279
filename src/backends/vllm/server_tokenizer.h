#pragma once

#include <memory>

#include "config/config.h"
#include "core/token_counter.h"

namespace aieb {

/// Counts by asking the server: POST /tokenize beside its API, which vLLM and its kin have. Prompts
/// are counted in the form in which they are sent: as messages through the server's chat template
/// (unless `scenario.use_chat_template` is false or the model has none), else as they are.
///
/// Throws ServerError when the server cannot be reached or has no such page.
std::unique_ptr<TokenCounter> server_token_counter(const BackendConfig& backend,
                                                   const ScenarioConfig& scenario);

}  // namespace aieb
