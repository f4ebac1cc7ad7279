#pragma once

#include <string>

#include "backends/vllm/notices.h"
#include "core/request.h"

namespace aieb::server {

/// The JSON body of a request to Ollama's own API: /api/chat, or /api/generate with `raw`, so that
/// the prompt goes to the model as it is. Greedy is sent as temperature 0; what Ollama does not
/// know is left out with a notice. Keys that only the user knows of are sent at top level; a map
/// `options` is merged into the options.
std::string ollama_body(const Request& request, const std::string& model, bool chat,
                        Notices& notices);

}  // namespace aieb::server
