#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include <curl/curl.h>

#include "http/client.h"

namespace aieb::http {

/// A list of headers as libcurl takes it.
using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

class Transfer;

/// A time at which a transfer's limit is to be looked at; the limit may have moved on by then.
struct Deadline {
  int64_t at_ns;
  Transfer* transfer;
  uint64_t generation;
  bool operator>(const Deadline& other) const { return at_ns > other.at_ns; }
};
using Deadlines = std::priority_queue<Deadline, std::vector<Deadline>, std::greater<>>;

/// What all transfers of a client write to from inside libcurl's callbacks.
struct TransferShared {
  Deadlines deadlines;
  Arrival arrival;             ///< of the bytes that are being read; zeros: unknown
  bool head_was_read = false;  ///< in this turn of the client
  ClientCounts counts;
  std::exception_ptr failure;  ///< thrown in a callback, through which it must not pass
};

/// One libcurl easy handle and the exchange that it carries; used again for the next exchange.
/// Internal to the client.
class Transfer {
 public:
  /// Sets everything that stays the same between exchanges.
  Transfer(const ClientOptions& options, const curl_slist* headers, TransferShared& shared);

  void begin(const HttpRequest& request, Exchange& exchange, const Timeouts& timeouts,
             int address_family);

  /// When the limit that applies now is reached, and which one it is.
  struct Limit {
    int64_t at_ns;
    ErrorClass error;
  };
  [[nodiscard]] Limit limit() const;

  /// Has the client look at `limit` when it is reached. Called at every stage that begins one.
  void watch_limit();

  /// What libcurl's verdict means for the exchange.
  [[nodiscard]] Outcome outcome(CURLcode code) const;
  [[nodiscard]] Outcome outcome(ErrorClass error, std::string message) const;
  [[nodiscard]] Outcome limit_outcome(ErrorClass error) const;

  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  [[nodiscard]] Exchange& exchange() const { return *exchange_; }

  /// The transfer behind an easy handle.
  static Transfer& of(CURL* easy);

  size_t index = 0;         ///< place among the client's open transfers
  uint64_t generation = 0;  ///< counts exchanges, so that an old deadline is recognised

 private:
  void set_fixed_options(const ClientOptions& options, const curl_slist* headers);
  static int on_new_socket(void* self, curl_socket_t fd, curlsocktype purpose);
  static int on_prerequest(void* self, char* peer, char* local, int peer_port, int local_port);
  static size_t on_header(char* bytes, size_t size, size_t count, void* self);
  static size_t on_write(char* bytes, size_t size, size_t count, void* self);
  Arrival time_read();
  void announce_response();
  template <typename Call>
  bool guarded(Call&& call);

  TransferShared& shared_;
  std::unique_ptr<CURL, void (*)(CURL*)> easy_;
  Exchange* exchange_ = nullptr;
  Timeouts timeouts_;
  int64_t started_ns_ = 0;
  int64_t sent_ns_ = 0;      ///< 0: not yet
  int64_t last_ns_ = 0;      ///< of the last read, else of sending
  int64_t complete_ns_ = 0;  ///< 0: the exchange expects more
  int sends_ = 0;
  bool enough_ = false;  ///< the exchange wants no more of the body
  std::string content_type_;
  std::string peer_;
  bool unix_socket_ = false;  ///< libcurl gives its path as the peer's address
  std::array<char, CURL_ERROR_SIZE> error_text_{};
};

}  // namespace aieb::http
