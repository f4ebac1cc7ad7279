#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "http/transfer.h"

namespace aieb::http {

/// A list of headers as libcurl takes it.
using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

class CurlTransfer;

/// What the transfers of one multi handle have in common.
struct CurlShared {
  CURLM* multi = nullptr;
  Arrival arrival;             ///< of what is about to be read; zeros: unknown
  bool head_was_read = false;  ///< in this turn of the client
  std::vector<CurlTransfer*> unused;
};

/// One libcurl easy handle and the exchange that it carries.
class CurlTransfer final : public Transfer {
 public:
  /// Sets everything that stays the same between exchanges.
  CurlTransfer(const ClientOptions& options, const curl_slist* headers, CurlShared& curl,
               TransferShared& shared);

  /// Throws EnvironmentError when libcurl refuses.
  void start(const HttpRequest& request, Exchange& exchange, const Timeouts& timeouts,
             int address_family);
  void stop() override;

  /// Where it went; valid until the next `start`.
  [[nodiscard]] const char* url() const;

  /// What libcurl's verdict means for the exchange.
  [[nodiscard]] Outcome verdict(CURLcode code) const;

  /// The transfer behind an easy handle.
  static CurlTransfer& of(CURL* easy);

 private:
  void set_fixed_options(const ClientOptions& options, const curl_slist* headers);
  static int on_new_socket(void* self, curl_socket_t fd, curlsocktype purpose);
  static int on_prerequest(void* self, char* peer, char* local, int peer_port, int local_port);
  static size_t on_header(char* bytes, size_t size, size_t count, void* self);
  static size_t on_write(char* bytes, size_t size, size_t count, void* self);
  bool end_head();

  CurlShared& curl_;
  std::unique_ptr<CURL, void (*)(CURL*)> easy_;
  std::string content_type_;
  bool unix_socket_ = false;  ///< libcurl gives its path as the peer's address
  std::array<char, CURL_ERROR_SIZE> error_text_{};
};

}  // namespace aieb::http
