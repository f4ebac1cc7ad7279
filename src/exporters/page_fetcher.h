#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/url.h"

namespace aieb::exporters {

/// An exporter that does not answer, or not with what it should. The message names the page.
class SourceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Page {
  std::string body;
  std::string content_type;
  int64_t sent_ns = 0;      ///< the request was about to be written
  int64_t received_ns = 0;  ///< the head of the response was read

  /// When the page was made, if nothing says more: it is off by half the exchange at most.
  [[nodiscard]] int64_t middle_ns() const { return sent_ns + (received_ns - sent_ns) / 2; }
  [[nodiscard]] int64_t half_width_ns() const { return (received_ns - sent_ns) / 2; }
};

/// Fetches pages of one server over one kept-alive connection. For one thread, except `stop`.
class PageFetcher {
 public:
  /// `url`: the server, with the path prefix that all of its pages have. `token_variable`: an
  /// environment variable with a bearer token; empty for none. `headers`: further ones.
  PageFetcher(const std::string& url, const std::string& token_variable,
              const std::vector<std::string>& headers = {});
  ~PageFetcher();

  /// A page below the prefix; "" is the prefix itself. Throws SourceError: no answer within
  /// 5 s, a status other than 200, stopped.
  Page get(std::string_view path);

  /// The page that the URL itself names, for `get`; `otherwise` when it names only the server.
  [[nodiscard]] std::string_view page_or(std::string_view otherwise) const;

  /// Ends the current and every later `get`. Any thread.
  void stop();

 private:
  http::Endpoint endpoint_;
  bool names_metrics_;  ///< the URL ends with /metrics, which `endpoint_` leaves out
  std::unique_ptr<http::Client> client_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace aieb::exporters
