#pragma once

#include <functional>
#include <string>
#include <thread>

namespace aieb::http {

/// Serves one text over HTTP/1.1 to whoever asks for `path`: enough for a scraper. One connection
/// at a time, each closed after its answer and given up after two seconds.
class TextServer {
 public:
  struct Page {
    std::string path = "/metrics";
    std::string content_type;
    std::function<std::string()> text;  ///< called for every request, from the server's thread
  };

  /// Listens at "[ADDRESS]:PORT" or "PORT"; without an address on 127.0.0.1 only, port 0 takes a
  /// free one. IPv6 addresses stand in brackets. Throws ConfigError (not such an address) or
  /// EnvironmentError (the port is taken or may not be used).
  TextServer(const std::string& address, Page page);
  ~TextServer();
  TextServer(const TextServer&) = delete;
  TextServer& operator=(const TextServer&) = delete;

  /// "http://127.0.0.1:9100/metrics", with the real port.
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  void serve_until_stopped();
  void answer(int connection) const;

  Page page_;
  std::string url_;
  int listener_ = -1;
  int stop_ = -1;  ///< an eventfd
  std::thread thread_;
};

}  // namespace aieb::http
