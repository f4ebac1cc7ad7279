#include "backends/vllm/profile.h"

#include <fmt/format.h>

#include "core/error.h"

namespace aieb::server {
namespace {

constexpr ServerProfile kProfiles[] = {
    {.type = "vllm",
     .health_path = "/health",
     .version_path = "/version",
     .vllm_parameters = true,
     .continuous_usage = true,
     .implied_tag = "",
     .start_command = "vllm serve {model} --port {port}",
     .key_variables = {"VLLM_API_KEY", "OPENAI_API_KEY"}},
    {.type = "openai",
     .health_path = "",
     .version_path = "",
     .vllm_parameters = false,
     .continuous_usage = false,
     .implied_tag = "",
     .start_command = "",
     .key_variables = {"OPENAI_API_KEY", "VLLM_API_KEY"}},
    {.type = "ollama",
     .health_path = "",
     .version_path = "/api/version",
     .vllm_parameters = false,
     .continuous_usage = false,
     .implied_tag = ":latest",
     .start_command = "OLLAMA_HOST=127.0.0.1:{port} ollama serve   (and: ollama pull {model})",
     .key_variables = {"OLLAMA_API_KEY", "OPENAI_API_KEY"}},
};

constexpr ServerProfile native_of(ServerProfile profile) {
  profile.ollama_api = true;
  return profile;
}

}  // namespace

const ServerProfile& native_ollama_profile() {
  static constexpr ServerProfile kNative = native_of(kProfiles[2]);
  static_assert(kNative.type == "ollama");
  return kNative;
}

const ServerProfile& server_profile(std::string_view type) {
  for (const ServerProfile& profile : kProfiles) {
    if (profile.type == type) return profile;
  }
  throw ConfigError(
      fmt::format("backend.type '{}' is not a server; servers are vllm, openai and ollama", type));
}

}  // namespace aieb::server
