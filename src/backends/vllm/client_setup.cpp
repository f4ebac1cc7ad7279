#include "backends/vllm/client_setup.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"

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

bool is_field_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || kMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

/// What would end the line that it stands on.
bool breaks_line(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

std::string header_line(const std::string& name, const std::string& value) {
  if (!is_field_name(name)) {
    throw ConfigError(fmt::format(
        "backend.headers: '{}' is no name of an HTTP header: letters, digits and hyphens", name));
  }
  if (breaks_line(value)) {
    throw ConfigError(fmt::format("backend.headers.{}: the value has a line end in it", name));
  }
  return fmt::format("{}: {}", name, value);
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
    const std::string_view key = trimmed(value != nullptr ? value : "");
    if (!key.empty()) return std::string(key);
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
  if (breaks_line(key)) {
    throw ConfigError(fmt::format("The API key in {} or {} has a line end in it",
                                  profile.key_variables[0], profile.key_variables[1]));
  }
  if (!key.empty()) options.headers.push_back("Authorization: Bearer " + key);
  for (const auto& [name, value] : backend.headers) {
    options.headers.push_back(header_line(name, value));
  }
  return options;
}

}  // namespace aieb::server
