#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/arrival.h"
#include "http/error_class.h"

namespace aieb::http {

/// Limits of one exchange in ns; 0: none.
struct Timeouts {
  int64_t connect_ns = 0;      ///< from `start` until the request can be written
  int64_t first_token_ns = 0;  ///< from there until the exchange's stage is kAnswering
  int64_t total_ns = 0;        ///< from `start` to the end of the response
};

struct TlsOptions {
  std::string ca_bundle;           ///< PEM file; empty: the system's
  std::string client_certificate;  ///< PEM file; empty: none
  std::string client_key;          ///< PEM file; empty: inside the certificate file
};

/// AIEB_CA_BUNDLE, else SSL_CERT_FILE, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE; AIEB_CLIENT_CERT and
/// AIEB_CLIENT_KEY. Certificates are always verified.
TlsOptions tls_options_from_environment();

struct ClientOptions {
  Timeouts timeouts;
  TlsOptions tls;
  std::vector<std::string> headers;  ///< "Name: value", sent with every request
  std::string unix_socket;           ///< connect here instead of the URL's host
  /// false: the usual variables (http_proxy, https_proxy, all_proxy, no_proxy) decide.
  bool bypass_proxy = false;
  int receive_buffer_bytes = 2048;  ///< per open transfer; 1024 at least
};

struct HttpRequest {
  std::string url;
  std::optional<std::string_view>
      body;  ///< JSON, sent by POST; absent: GET. Must outlive the exchange
  std::optional<int64_t> total_timeout_ns;  ///< instead of the client's
};

/// How an exchange ended on the level of HTTP. A status of 400 or above is no error here.
struct Outcome {
  ErrorClass error = ErrorClass::kNone;
  std::string message;  ///< in words, or which limit was reached
  int status = 0;       ///< 0: no response began
  int64_t done_ns = 0;
  int resent = 0;  ///< times a reused connection had died and the request was written again
  std::string peer_address;  ///< who answered; empty for Unix sockets
};

/// Receives one exchange. Called by the thread in `Client::start` and `poll`. Must live until
/// `on_done`.
class Exchange {
 public:
  virtual ~Exchange() = default;

  /// The request is about to be written to a connection. Called again if that connection, a reused
  /// one, had died and the request goes out on another.
  virtual void on_sent(int64_t t_ns) = 0;
  virtual void on_response(int status, std::string_view content_type) = 0;
  /// Bytes of the body and when they came in: by the kernel's stamps, or, where it has none (Unix
  /// sockets), when they were read. False: enough was seen; the exchange ends without error.
  virtual bool on_body(std::string_view bytes, Arrival arrival) = 0;
  /// The last call, exactly one. The exchange may be started again from here.
  virtual void on_done(const Outcome& outcome) = 0;

  /// How far the answer is; decides which limit applies.
  enum class Stage {
    kWaiting,    ///< the first-token limit counts
    kAnswering,  ///< only the total limit counts
    kComplete,   ///< everything was said: the response should end within a second
  };
  [[nodiscard]] Stage stage() const { return stage_; }

 protected:
  /// To be set back to kWaiting before the exchange is started again.
  void set_stage(Stage stage) { stage_ = stage; }

 private:
  Stage stage_ = Stage::kWaiting;
};

/// Of a client since it was made.
struct ClientCounts {
  int64_t connections_opened = 0;  ///< those of libcurl when their first exchange has ended
  int64_t reads = 0;               ///< calls of `on_body`
  int64_t stamped_reads = 0;       ///< of them with the kernel's time
};

struct FetchResult {
  Outcome outcome;
  std::string content_type;
  std::string body;
};

/// HTTP/1.1 and 2 client for many concurrent streams on epoll, one thread, no allocation per read:
/// HTTP/1.1 over plain TCP on connections of its own, everything else (TLS, HTTP/2, proxies, Unix
/// sockets, names) by libcurl's multi interface. Connections are kept alive for less than the 5 s
/// after which uvicorn closes them; a request on a reused connection that dies before the first
/// byte of the response is written again on another, and nothing else is ever retried.
///
/// Only `wake` may be called from another thread.
class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Begins an exchange, and writes it where a connection is free: `on_sent` may be called before
  /// this returns. It proceeds in `poll`. Not to be called from within on_sent, on_response or
  /// on_body.
  void start(const HttpRequest& request, Exchange& exchange);

  /// Dispatches what happened and returns; waits for something until `until_ns` at the longest.
  /// What would be dispatched after that is left for the next call, as far as that keeps up.
  void poll(int64_t until_ns);

  /// Ends every open exchange with kCancelled, closing its connection so that the server stops too.
  void cancel_all(const char* why = "the run was stopped");

  /// Makes the current or next `poll` return. Any thread.
  void wake() const noexcept;

  [[nodiscard]] size_t in_flight() const;

  /// One request, waited for, and nothing else in flight. For health checks and lists, not for
  /// measurements. Throws Stopped when the thread's stop (core/stop.h) is requested meanwhile.
  FetchResult fetch(const HttpRequest& request);

  [[nodiscard]] const ClientCounts& counts() const;

  /// Frees the buffers of exchanges that have ended, about 17 KB for each that was ever in flight
  /// at once; connections stay open. Without effect while anything is in flight.
  void release_buffers();

  /// Resolve names to this family only: 4 or 6; 0 is both. For `localhost`, where trying ::1 first
  /// costs every connection a refused attempt when the server listens on 127.0.0.1 only.
  void prefer_address_family(int family);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aieb::http
