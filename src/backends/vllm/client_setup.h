#pragma once

#include <string>

#include "backends/vllm/profile.h"
#include "config/config.h"
#include "http/client.h"
#include "http/url.h"

namespace aieb::server {

/// The server behind `backend.endpoint`, and how it is spoken to: the row of `backend.type`, or
/// Ollama's own API where the endpoint ends with /api. Throws ConfigError.
struct ServerAddress {
  http::Endpoint endpoint;
  const ServerProfile& profile;
};
ServerAddress server_address(const BackendConfig& backend);

/// The API key of the environment; empty when there is none or the user's own header wins.
std::string api_key(const BackendConfig& backend, const ServerProfile& profile);

/// What every request to this server has in common: limits, TLS, headers, the way to it.
http::ClientOptions client_options(const BackendConfig& backend, const TimeoutConfig& timeouts,
                                   const http::Endpoint& endpoint, const ServerProfile& profile);

}  // namespace aieb::server
