#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace aieb::http {

/// Where a server's pages are. Parsed once from what the user wrote; every URL is derived from the
/// parts, never by cutting characters off text.
///
/// Accepted: `http://host:port`, `https://…`, `host:port` (http), with or without `/v1`, a trailing
/// slash, a path prefix (`https://gw/team-a/v1`), a pasted `/v1/chat/completions`, IPv6 in
/// brackets, a query (`?api-version=…`, kept on every URL), and Unix sockets as `unix:/path.sock`,
/// `unix:///path.sock` or `http+unix://%2Fpath.sock/v1`.
class Endpoint {
 public:
  /// Throws ConfigError that says what is wrong with `text`. Credentials inside the URL are
  /// refused: the endpoint is written into every report.
  static Endpoint parse(std::string_view text);

  /// URL of a page beside the API: `/health`, `/metrics`, `/tokenize`, `/version`.
  [[nodiscard]] std::string root_url(std::string_view path) const;

  /// URL of a page of the API: `/models`, `/chat/completions`, `/completions`.
  [[nodiscard]] std::string api_url(std::string_view path) const;

  /// The same server with a path that ends with `base` ("/api") as the API's base, for APIs without
  /// a version in their path; absent when the path ends otherwise.
  [[nodiscard]] std::optional<Endpoint> unversioned(std::string_view base) const;

  /// The API's base, as shown to people: `http://host:8000/v1`, `unix:/run/vllm.sock`.
  [[nodiscard]] std::string display() const;

  [[nodiscard]] const std::string& scheme() const { return scheme_; }
  [[nodiscard]] const std::string& host() const { return host_; }  ///< IPv6 without brackets
  [[nodiscard]] int port() const { return port_; }                 ///< explicit or of the scheme
  [[nodiscard]] const std::string& unix_socket() const { return unix_socket_; }  ///< empty: TCP
  [[nodiscard]] bool is_loopback() const;  ///< localhost, 127/8, ::1 or a Unix socket

 private:
  static Endpoint parse_unix(std::string_view text);
  static Endpoint parse_tcp(std::string_view text);
  void set_path(std::string path);
  [[nodiscard]] std::string authority() const;

  std::string scheme_;
  std::string host_;
  int port_ = 0;
  bool explicit_port_ = false;
  bool versioned_ = false;  ///< the path that was written names a version
  std::string root_path_;   ///< "" or "/prefix", without the API version
  std::string api_path_;    ///< "/v1", "/prefix/v1"
  std::string query_;       ///< without '?'
  std::string unix_socket_;
};

}  // namespace aieb::http
