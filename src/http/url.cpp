#include "http/url.h"

#include <array>
#include <cctype>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"

namespace aieb::http {
namespace {

/// Pages that people paste together with the endpoint.
constexpr std::array<std::string_view, 6> kPages = {
    "/chat/completions", "/completions", "/models", "/responses", "/health", "/metrics"};

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw ConfigError(fmt::format(
      "backend.endpoint: '{}' {}. Write it like http://localhost:8000/v1 or unix:/run/vllm.sock",
      text, why));
}

/// "v1", "v4", "v1beta": the segment that names an API version.
bool is_version(std::string_view segment) {
  size_t i = 1;
  if (segment.size() < 2 || segment[0] != 'v') return false;
  while (i < segment.size() && std::isdigit(static_cast<unsigned char>(segment[i])) != 0) ++i;
  if (i == 1) return false;
  while (i < segment.size() && std::isalnum(static_cast<unsigned char>(segment[i])) != 0) ++i;
  return i == segment.size();
}

/// Start of the first version segment of `path` (its slash), or npos.
size_t find_version(std::string_view path) {
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at + 1), path.size());
    if (is_version(path.substr(at + 1, end - at - 1))) return at;
    at = end;
  }
  return std::string_view::npos;
}

std::string percent_decode(const std::string& text) {
  int length = 0;
  char* raw = curl_easy_unescape(nullptr, text.c_str(), static_cast<int>(text.size()), &length);
  if (raw == nullptr) return text;
  std::string out(raw, static_cast<size_t>(length));
  curl_free(raw);
  return out;
}

class CurlUrl {
 public:
  CurlUrl() : url_(curl_url(), curl_url_cleanup) {}

  /// Null, or what libcurl's parser says is wrong.
  const char* set(const std::string& text) {
    const CURLUcode code = curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), 0);
    return code == CURLUE_OK ? nullptr : curl_url_strerror(code);
  }

  [[nodiscard]] std::string get(CURLUPart part, unsigned flags = 0) const {
    char* raw = nullptr;
    if (curl_url_get(url_.get(), part, &raw, flags) != CURLUE_OK) return {};
    std::string out = raw;
    curl_free(raw);
    return out;
  }

 private:
  std::unique_ptr<CURLU, void (*)(CURLU*)> url_;
};

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  for (size_t i = 0; i < prefix.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(text[i])) != prefix[i]) return false;
  }
  return true;
}

/// A Unix-socket endpoint, split: the socket's path and the path inside the server.
struct UnixParts {
  std::string socket;
  std::string path;
};

UnixParts unix_parts(std::string_view text) {
  constexpr std::string_view kHttpUnix = "http+unix://";
  UnixParts parts;
  if (starts_with_ignoring_case(text, kHttpUnix)) {
    const std::string_view rest = text.substr(kHttpUnix.size());
    const size_t slash = std::min(rest.find('/'), rest.size());
    parts.socket = percent_decode(std::string(rest.substr(0, slash)));
    parts.path = rest.substr(slash);
  } else if (starts_with_ignoring_case(text, "unix:")) {
    parts.socket = text.substr(text.compare(5, 2, "//") == 0 ? 7 : 5);
  }
  return parts;
}

}  // namespace

Endpoint Endpoint::parse(std::string_view raw) {
  const std::string_view text = trimmed(raw);
  if (text.empty()) refuse(text, "is empty");
  const bool unix_socket =
      starts_with_ignoring_case(text, "unix:") || starts_with_ignoring_case(text, "http+unix:");
  return unix_socket ? parse_unix(text) : parse_tcp(text);
}

Endpoint Endpoint::parse_unix(std::string_view text) {
  const UnixParts parts = unix_parts(text);
  if (!parts.socket.starts_with('/')) refuse(text, "needs an absolute path to the socket");
  Endpoint endpoint;
  endpoint.scheme_ = "http";
  endpoint.host_ = "localhost";
  endpoint.port_ = 80;
  endpoint.unix_socket_ = parts.socket;
  endpoint.set_path(parts.path);
  return endpoint;
}

Endpoint Endpoint::parse_tcp(std::string_view text) {
  const bool has_scheme = text.find("://") != std::string_view::npos;
  CurlUrl url;
  const char* problem = url.set(has_scheme ? std::string(text) : fmt::format("http://{}", text));
  if (problem != nullptr) refuse(text, fmt::format("is not a URL ({})", problem));
  if (!url.get(CURLUPART_USER).empty() || !url.get(CURLUPART_PASSWORD).empty()) {
    throw ConfigError(
        "backend.endpoint contains a user name or password, which would be written into every "
        "report. Put the key into OPENAI_API_KEY or VLLM_API_KEY, or an Authorization header into "
        "backend.headers");
  }
  Endpoint endpoint;
  endpoint.scheme_ = url.get(CURLUPART_SCHEME);
  if (endpoint.scheme_ != "http" && endpoint.scheme_ != "https") {
    refuse(text, fmt::format("has the scheme '{}'; http and https are known", endpoint.scheme_));
  }
  endpoint.host_ = url.get(CURLUPART_HOST);
  if (endpoint.host_.starts_with('[')) {
    endpoint.host_ = endpoint.host_.substr(1, endpoint.host_.size() - 2);
  }
  if (endpoint.host_.empty()) refuse(text, "names no host");
  endpoint.explicit_port_ = !url.get(CURLUPART_PORT).empty();
  endpoint.port_ = std::stoi(url.get(CURLUPART_PORT, CURLU_DEFAULT_PORT));
  if (endpoint.port_ < 1) refuse(text, "has port 0");
  endpoint.query_ = url.get(CURLUPART_QUERY);
  endpoint.set_path(url.get(CURLUPART_PATH));
  return endpoint;
}

void Endpoint::set_path(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  for (const std::string_view page : kPages) {
    if (!path.ends_with(page)) continue;
    path.resize(path.size() - page.size());
    break;
  }
  while (path.ends_with('/')) path.pop_back();
  const size_t version = find_version(path);
  versioned_ = version != std::string::npos;
  root_path_ = path.substr(0, std::min(version, path.size()));
  api_path_ = version == std::string::npos ? path + "/v1" : path;
}

std::optional<Endpoint> Endpoint::unversioned(std::string_view base) const {
  if (versioned_ || !root_path_.ends_with(base)) return std::nullopt;
  Endpoint endpoint = *this;
  endpoint.api_path_ = root_path_;
  endpoint.root_path_.resize(root_path_.size() - base.size());
  return endpoint;
}

std::string Endpoint::authority() const {
  const bool ipv6 = host_.find(':') != std::string::npos;
  const std::string host = ipv6 ? fmt::format("[{}]", host_) : host_;
  return explicit_port_ ? fmt::format("{}://{}:{}", scheme_, host, port_)
                        : fmt::format("{}://{}", scheme_, host);
}

std::string Endpoint::root_url(std::string_view path) const {
  return fmt::format("{}{}{}{}{}", authority(), root_path_, path, query_.empty() ? "" : "?",
                     query_);
}

std::string Endpoint::api_url(std::string_view path) const {
  return fmt::format("{}{}{}{}{}", authority(), api_path_, path, query_.empty() ? "" : "?", query_);
}

std::string Endpoint::display() const {
  if (!unix_socket_.empty()) return "unix:" + unix_socket_;
  return authority() + api_path_;
}

bool Endpoint::is_loopback() const {
  return !unix_socket_.empty() || host_ == "localhost" || host_.ends_with(".localhost") ||
         host_.starts_with("127.") || host_ == "::1";
}

}  // namespace aieb::http
