#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aieb::hub {

struct HttpRequest {
  std::string url;
  bool head = false;
  std::vector<std::string> headers;                  ///< "Name: value"
  std::optional<std::pair<int64_t, int64_t>> range;  ///< first and last byte, both included
  double connect_timeout_s = 10;                     ///< name look-up included
  double stall_timeout_s = 10;                       ///< no byte for this long
  /// Receives the body of a 2xx answer; returning false stops the transfer. Without it the body is
  /// collected.
  std::function<bool(std::string_view)> sink;
  std::stop_token stop = {};  ///< requested: the transfer ends within a second
};

struct HttpResponse {
  long status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;  ///< what the sink did not get: all of it without one, else error pages

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;
};

/// No answer, or one that broke off.
class NetworkError : public std::runtime_error {
 public:
  NetworkError(const std::string& what, bool reached)
      : std::runtime_error(what), reached_(reached) {}
  /// The server had begun to answer.
  [[nodiscard]] bool reached() const { return reached_; }

 private:
  bool reached_;
};

/// Blocking requests over one kept-alive connection; for one thread at a time. Redirects are
/// returned, not followed, so that a token never travels to another host.
class HttpConnection {
 public:
  HttpConnection();
  /// Throws NetworkError, Stopped, and what the sink throws. A sink that stopped the transfer is no
  /// error.
  HttpResponse perform(const HttpRequest& request);
  /// Of the answer that is being received; for sinks.
  [[nodiscard]] long status() const;

 private:
  struct Free {
    void operator()(void* handle) const;
  };
  std::unique_ptr<void, Free> handle_;
};

/// scheme://host[:port] of a URL, in lower case.
std::string origin(const std::string& url);

}  // namespace aieb::hub
