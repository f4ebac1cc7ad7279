#pragma once

#include <optional>
#include <string>

#include "backends/vllm/notices.h"
#include "backends/vllm/profile.h"
#include "core/request.h"

namespace aieb::server {

enum class Api { kChat, kCompletions };
/// As reports show it: "chat", "completions", or Ollama's "api/chat", "api/generate".
std::string_view name_of(Api api, const ServerProfile& profile);
/// Path below the API's base: "/chat/completions" or "/completions"; Ollama's "/chat", "/generate".
std::string_view path_of(Api api, const ServerProfile& profile);

/// How to speak to one server: what the profile allows, narrowed by what the server refused.
struct Dialect {
  Api api = Api::kChat;
  bool api_is_forced = false;          ///< the user chose: no fallback to completions
  bool max_completion_tokens = false;  ///< that key instead of max_tokens
  bool stream_options = true;
  std::optional<bool> add_special_tokens;  ///< sent when the user chose

  bool operator==(const Dialect&) const = default;
};

/// The JSON body of a request, every parameter at top level under the name that the server knows.
/// Greedy is sent as temperature 0. What the profile does not allow is left out with a notice. The
/// cache salt is not part of it: `salted` adds one.
std::string request_body(const Request& request, const std::string& model,
                         const ServerProfile& profile, const Dialect& dialect, Notices& notices);

/// `body` of `request` with a cache salt, where the server knows such a thing and the user has not
/// set one; else as it is.
std::string salted(const std::string& body, const std::string& salt, const Request& request,
                   const ServerProfile& profile);

}  // namespace aieb::server
