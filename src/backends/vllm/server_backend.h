#pragma once

#include <memory>

#include "backends/backend.h"
#include "config/config.h"

namespace aieb {

/// A running server behind `backend.endpoint`: types vllm, openai and ollama (docs/servers.md).
/// Throws ConfigError for an endpoint that is no URL.
std::unique_ptr<Backend> make_server_backend(const BackendConfig& backend,
                                             const ScenarioConfig& scenario);

/// Whether anything speaks HTTP at the configured endpoint; asks for a second at the longest.
bool server_answers(const BackendConfig& backend);

}  // namespace aieb
