#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "core/token_counter.h"

namespace aieb {

/// Counts with the tokenizer and the chat template of `model`: a folder with tokenizer.json or a
/// Hugging Face id, of which only the tokenizer's files are fetched. `scenario` says whether the
/// template and special tokens are used. Throws ModelError or EnvironmentError when there is none.
std::unique_ptr<TokenCounter> local_token_counter(const std::string& model,
                                                  const std::string& revision,
                                                  const ScenarioConfig& scenario);

}  // namespace aieb
