#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/epoll.h>

#include "http/arrival.h"
#include "http/event_loop.h"
#include "http/response_parser.h"
#include "http/tcp_route.h"
#include "http/transfer.h"

namespace aieb::http {

class TcpTransfers;

/// One exchange on a connection of our own.
class TcpTransfer final : public Transfer, private ResponseParser::Sink {
 public:
  explicit TcpTransfer(TcpTransfers& owner, TransferShared& shared)
      : Transfer(shared), owner_(owner) {}
  void stop() override;

 private:
  friend class TcpTransfers;
  bool on_head(int status, std::string_view content_type) override;
  bool on_body(std::string_view bytes) override;

  TcpTransfers& owner_;
  const TcpRoute* route_ = nullptr;
  std::optional<std::string_view> body_;
  size_t written_ = 0;     ///< bytes of the request that the socket has taken
  bool whole_ = false;     ///< all of them
  int fd_ = -1;            ///< -1: it has no connection
  ResponseParser parser_;  ///< of the response on it
  Arrival arrival_;        ///< of what is being parsed
};

/// Requests by HTTP/1.1 over TCP without TLS and proxies: most loads are, and carried by libcurl
/// they take half as much again of the client's time (bench/http_client.md). A request is written
/// with one system call where a connection is free; a read takes bytes and time of arrival with
/// one. Connections stay in the epoll set, are used again while they were idle for less than 4 s,
/// and are dropped when the server closes them.
class TcpTransfers {
 public:
  TcpTransfers(EventLoop& loop, ArrivalClock& clock, TransferShared& shared);
  ~TcpTransfers();
  TcpTransfers(const TcpTransfers&) = delete;
  TcpTransfers& operator=(const TcpTransfers&) = delete;

  /// Begins an exchange; the transfer is one of this object's.
  Transfer& start(const TcpRoute& route, const HttpRequest& request, Exchange& exchange,
                  const Timeouts& timeouts);

  /// Whether a descriptor is one of the connections.
  [[nodiscard]] bool owns(int fd) const;

  /// What epoll says of a connection. `late`: its bytes may have waited for a while.
  void handle(const epoll_event& event, bool late);

  struct Finished {
    TcpTransfer* transfer;
    Outcome outcome;
  };
  /// A transfer that has ended, in the order in which they did.
  std::optional<Finished> take_finished();

  /// Frees the transfers; nothing may be in flight.
  void clear();

 private:
  friend class TcpTransfer;

  struct Connection {
    TcpServer* server = nullptr;
    TcpTransfer* transfer = nullptr;  ///< null: idle
    bool connecting = false;
    bool used_before = false;
    int64_t idle_since_ns = 0;
    int send_error = 0;  ///< why nothing more can be written
  };

  void find_connection(TcpTransfer& transfer);
  int take_idle(TcpServer& server);
  void open(TcpTransfer& transfer);
  void connected(int fd, Connection& connection);
  void refused(TcpTransfer& transfer, int error);
  void write_request(int fd, Connection& connection);
  void write_more(int fd, Connection& connection);
  void read(int fd, Connection& connection, bool late);
  void take(int fd, Connection& connection, std::string_view bytes, Arrival arrival);
  void ended(int fd, Connection& connection, int error);
  void close(int fd);
  void finish(TcpTransfer& transfer, Outcome outcome);
  void fail(TcpTransfer& transfer, ErrorClass error, std::string message);
  void drop_finished(const TcpTransfer& transfer);

  EventLoop& loop_;
  ArrivalClock& clock_;
  TransferShared& shared_;
  std::vector<std::unique_ptr<Connection>> connections_;  ///< by descriptor
  std::vector<std::unique_ptr<TcpTransfer>> transfers_;
  std::vector<TcpTransfer*> unused_;
  std::deque<Finished> finished_;
  std::vector<char> buffer_;
};

}  // namespace aieb::http
