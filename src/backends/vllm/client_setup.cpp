#include "backends/vllm/client_setup.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/clock.h"

namespace aieb::server {
namespace {

bool same_ignoring_case(const std::string& a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

bool names_authorization(const BackendConfig& backend) {
  return std::any_of(backend.headers.begin(), backend.headers.end(),
                     [](const auto& h) { return same_ignoring_case(h.first, "authorization"); });
}

}  // namespace

ServerAddress server_address(const BackendConfig& backend) {
  http::Endpoint endpoint = http::Endpoint::parse(backend.endpoint);
  const ServerProfile& profile = server_profile(backend.type);
  if (backend.type != "ollama") return {std::move(endpoint), profile};
  if (auto native = endpoint.unversioned("/api")) return {*native, native_ollama_profile()};
  return {std::move(endpoint), profile};
}

std::string api_key(const BackendConfig& backend, const ServerProfile& profile) {
  if (names_authorization(backend)) return {};
  for (const char* variable : profile.key_variables) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

http::ClientOptions client_options(const BackendConfig& backend, const TimeoutConfig& timeouts,
                                   const http::Endpoint& endpoint, const ServerProfile& profile) {
  http::ClientOptions options;
  options.timeouts = {nanoseconds(timeouts.connect_s), nanoseconds(timeouts.first_token_s),
                      nanoseconds(timeouts.total_s)};
  options.tls = http::tls_options_from_environment();
  options.unix_socket = endpoint.unix_socket();
  options.bypass_proxy = endpoint.is_loopback();
  const std::string key = api_key(backend, profile);
  if (!key.empty()) options.headers.push_back("Authorization: Bearer " + key);
  for (const auto& [name, value] : backend.headers) {
    options.headers.push_back(fmt::format("{}: {}", name, value));
  }
  return options;
}

}  // namespace aieb::server
