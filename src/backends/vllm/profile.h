#pragma once

#include <array>
#include <string>
#include <string_view>

namespace aieb::server {

/// What differs between servers that all speak OpenAI's API: one row a `backend.type`.
struct ServerProfile {
  std::string_view type;
  std::string_view health_path;    ///< beside the API; empty: none
  std::string_view version_path;   ///< JSON with a "version"; empty: none
  bool vllm_parameters;            ///< top_k, min_p, min_tokens, ignore_eos, … may be sent
  bool continuous_usage;           ///< stream_options.continuous_usage_stats may be sent
  std::string_view implied_tag;    ///< a model "x" is also served as "x" + this
  std::string_view start_command;  ///< {model} and {port} are filled in; empty: none to suggest
  std::array<const char*, 2> key_variables;  ///< environment variables of the API key, in order
  bool ollama_api = false;                   ///< speaks Ollama's own API, not OpenAI's
};

/// The row of a `backend.type`. Throws ConfigError for a type that is no server.
const ServerProfile& server_profile(std::string_view type);

/// Ollama's own API, which an endpoint that ends with /api names.
const ServerProfile& native_ollama_profile();

}  // namespace aieb::server
