#include "http/tcp_transfer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"

namespace aieb::http {
namespace {

/// uvicorn, below vLLM, closes a connection that was idle for 5 s.
constexpr int64_t kMaxIdle_ns = 4'000'000'000;
/// One read; whatever is left makes the socket ready again.
constexpr size_t kReadBytes = size_t{64} << 10;
/// One read of a response's head: tokens that wait behind it are read apart, with their own times.
constexpr size_t kHeadBytes = size_t{2} << 10;
/// As libcurl's: silent connections are forgotten by what translates addresses on their way.
constexpr int kKeepAlive_s = 60;

}  // namespace

void TcpTransfer::stop() {
  owner_.drop_finished(*this);
  if (fd_ >= 0) owner_.close(fd_);
  owner_.unused_.push_back(this);
}

bool TcpTransfer::on_head(int status, std::string_view content_type) {
  // The first segment is the head's: what follows it in the same read may have come much later.
  arrival_.first_ns = arrival_.last_ns;
  return announce_response(status, content_type);
}

bool TcpTransfer::on_body(std::string_view bytes) {
  const bool more = announce_body(bytes, arrival_);
  arrival_.first_ns = arrival_.last_ns;
  return more;
}

TcpTransfers::TcpTransfers(EventLoop& loop, ArrivalClock& clock, TransferShared& shared)
    : loop_(loop), clock_(clock), shared_(shared), buffer_(kReadBytes) {}

TcpTransfers::~TcpTransfers() {
  for (size_t fd = 0; fd < connections_.size(); ++fd) {
    if (connections_[fd]) ::close(static_cast<int>(fd));
  }
}

Transfer& TcpTransfers::start(const TcpRoute& route, const HttpRequest& request, Exchange& exchange,
                              const Timeouts& timeouts) {
  if (unused_.empty()) {
    transfers_.push_back(std::make_unique<TcpTransfer>(*this, shared_));
    unused_.push_back(transfers_.back().get());
  }
  TcpTransfer& transfer = *unused_.back();
  unused_.pop_back();
  transfer.begin_exchange(request, exchange, timeouts);
  transfer.route_ = &route;
  transfer.body_ = request.body;
  find_connection(transfer);
  return transfer;
}

std::optional<TcpTransfers::Finished> TcpTransfers::take_finished() {
  if (finished_.empty()) return std::nullopt;
  Finished first = std::move(finished_.front());
  finished_.pop_front();
  return first;
}

void TcpTransfers::finish(TcpTransfer& transfer, Outcome outcome) {
  finished_.push_back({&transfer, std::move(outcome)});
}

void TcpTransfers::fail(TcpTransfer& transfer, ErrorClass error, std::string message) {
  finish(transfer, transfer.outcome(error, std::move(message)));
}

void TcpTransfers::drop_finished(const TcpTransfer& transfer) {
  std::erase_if(finished_, [&](const Finished& f) { return f.transfer == &transfer; });
}

void TcpTransfers::clear() {
  unused_.clear();
  transfers_.clear();
}

// --- connections --------------------------------------------------------------------------------

bool TcpTransfers::owns(int fd) const {
  const auto index = static_cast<size_t>(fd);
  return index < connections_.size() && connections_[index] != nullptr;
}

void TcpTransfers::find_connection(TcpTransfer& transfer) {
  const int fd = take_idle(*transfer.route_->server);
  if (fd < 0) return open(transfer);
  Connection& connection = *connections_[static_cast<size_t>(fd)];
  connection.transfer = &transfer;
  transfer.fd_ = fd;
  write_request(fd, connection);
}

/// A connection that the server has not closed for lack of use; -1: there is none.
int TcpTransfers::take_idle(TcpServer& server) {
  if (server.idle.empty()) return -1;
  const int fd = server.idle.back();
  if (now_ns() - connections_[static_cast<size_t>(fd)]->idle_since_ns >= kMaxIdle_ns) {
    close(fd);  // the others were idle for longer; each has its turn
    return -1;
  }
  server.idle.pop_back();
  return fd;
}

void TcpTransfers::open(TcpTransfer& transfer) {
  TcpServer& server = *transfer.route_->server;
  const int fd = ::socket(server.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return refused(transfer, errno);
  const auto set = [fd](int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, kKeepAlive_s);
  set(IPPROTO_TCP, TCP_KEEPINTVL, kKeepAlive_s);
  ArrivalClock::enable(fd);
  const int result =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&server.address), server.length);
  if (result < 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(fd);
    return refused(transfer, error);
  }
  const auto index = static_cast<size_t>(fd);
  if (index >= connections_.size()) connections_.resize(index * 2 + 16);
  connections_[index] = std::make_unique<Connection>();
  Connection& connection = *connections_[index];
  connection.server = &server;
  connection.transfer = &transfer;
  connection.connecting = true;
  transfer.fd_ = fd;
  try {
    loop_.watch(fd, EPOLLOUT);
  } catch (const EnvironmentError& error) {
    close(fd);
    fail(transfer, ErrorClass::kConnect, error.what());
  }
}

void TcpTransfers::refused(TcpTransfer& transfer, int error) {
  TcpServer& server = *transfer.route_->server;
  server.in_doubt = server.by_name;
  fail(transfer, ErrorClass::kConnect,
       fmt::format("could not connect to {}: {}{}", server.authority, std::strerror(error),
                   error == EMFILE ? ". Raise the limit of open files (ulimit -n)" : ""));
}

void TcpTransfers::connected(int fd, Connection& connection) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    TcpTransfer& transfer = *connection.transfer;
    close(fd);
    return refused(transfer, error);
  }
  sockaddr_storage peer{};
  size = sizeof peer;
  // The event may be one of the socket that had this number before.
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) < 0) return;
  connection.connecting = false;
  ++shared_.counts.connections_opened;
  loop_.watch(fd, EPOLLIN);
  write_request(fd, connection);
}

void TcpTransfers::write_request(int fd, Connection& connection) {
  TcpTransfer& transfer = *connection.transfer;
  transfer.parser_.reset();
  transfer.written_ = 0;
  transfer.whole_ = false;
  if (!transfer.announce_sent(connection.server->peer)) {
    close(fd);
    return fail(transfer, ErrorClass::kCancelled, "the run failed");
  }
  write_more(fd, connection);
  if (!transfer.whole_ && connection.send_error == 0) loop_.watch(fd, EPOLLIN | EPOLLOUT);
}

/// As much as the socket takes. What went wrong is kept for when everything is read that the server
/// had to say: it may have answered before it closed the connection.
void TcpTransfers::write_more(int fd, Connection& connection) {
  TcpTransfer& transfer = *connection.transfer;
  std::array<char, 32> length{};
  std::array<std::string_view, 3> parts{transfer.route_->get};
  if (transfer.body_) {
    const auto digits =
        fmt::format_to_n(length.data(), length.size(), "{}\r\n\r\n", transfer.body_->size());
    parts = {transfer.route_->post, {length.data(), digits.size}, *transfer.body_};
  }
  std::array<iovec, parts.size()> left{};
  size_t count = 0;
  size_t before = transfer.written_;
  size_t wanted = 0;
  for (std::string_view part : parts) {
    const size_t gone = std::min(before, part.size());
    before -= gone;
    part.remove_prefix(gone);
    if (part.empty()) continue;
    wanted += part.size();
    left[count++] = {const_cast<char*>(part.data()), part.size()};  // NOLINT: it is only read
  }
  msghdr message{};
  message.msg_iov = left.data();
  message.msg_iovlen = count;
  const ssize_t taken = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  if (taken >= 0) {
    transfer.written_ += static_cast<size_t>(taken);
    transfer.whole_ = static_cast<size_t>(taken) == wanted;
  } else if (errno != EAGAIN) {
    connection.send_error = errno;
  }
}

void TcpTransfers::handle(const epoll_event& event, bool late) {
  const int fd = event.data.fd;
  Connection& connection = *connections_[static_cast<size_t>(fd)];
  const bool writable = (event.events & EPOLLOUT) != 0;
  const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
  if (connection.connecting) {
    if (writable || broken) connected(fd, connection);
    return;
  }
  if (writable && connection.transfer != nullptr && connection.send_error == 0) {
    write_more(fd, connection);
    const bool over = connection.transfer->whole_ || connection.send_error != 0;
    if (over) loop_.watch(fd, EPOLLIN);
  }
  if ((event.events & EPOLLIN) != 0 || broken) read(fd, connection, late);
}

void TcpTransfers::read(int fd, Connection& connection, bool late) {
  const bool in_head = connection.transfer != nullptr && connection.transfer->parser_.in_head();
  Arrival arrival;
  const ssize_t count =
      clock_.read(fd, std::span(buffer_).first(in_head ? kHeadBytes : kReadBytes), late, arrival);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) ended(fd, connection, errno);
    return;
  }
  if (count == 0) return ended(fd, connection, connection.send_error);
  // A server that says something unasked is about to close, or out of step.
  if (connection.transfer == nullptr) return close(fd);
  take(fd, connection, {buffer_.data(), static_cast<size_t>(count)}, arrival);
}

void TcpTransfers::take(int fd, Connection& connection, std::string_view bytes, Arrival arrival) {
  TcpTransfer& transfer = *connection.transfer;
  transfer.arrival_ = arrival;
  const ResponseParser::Result result = transfer.parser_.feed(bytes, transfer);
  if (result == ResponseParser::Result::kMore) return;
  if (result == ResponseParser::Result::kComplete && transfer.parser_.reusable() &&
      transfer.whole_) {
    transfer.fd_ = -1;
    connection.transfer = nullptr;
    connection.used_before = true;
    connection.idle_since_ns = now_ns();
    connection.server->idle.push_back(fd);
  } else {
    close(fd);
  }
  if (result == ResponseParser::Result::kInvalid) {
    fail(transfer, ErrorClass::kProtocol, transfer.parser_.error());
  } else {
    finish(transfer, transfer.outcome(ErrorClass::kNone, {}));
  }
}

/// The connection has ended: closed by the server (`error` 0) or broken.
void TcpTransfers::ended(int fd, Connection& connection, int error) {
  TcpTransfer* transfer = connection.transfer;
  const bool used_before = connection.used_before;
  close(fd);
  if (transfer == nullptr) return;
  const ResponseParser& parser = transfer->parser_;
  if (error == 0 && parser.ends_here()) {
    finish(*transfer, transfer->outcome(ErrorClass::kNone, {}));
  } else if (used_before && !parser.begun()) {
    open(*transfer);  // the server had closed it for lack of use while the request was on its way
  } else {
    const char* when = parser.begun() ? "before the answer was whole" : "without an answer";
    fail(*transfer, ErrorClass::kConnectionLost,
         error == 0 ? fmt::format("the server closed the connection {}", when)
                    : fmt::format("the connection ended {}: {}", when, std::strerror(error)));
  }
}

/// With its transfer, if it has one, left without a connection.
void TcpTransfers::close(int fd) {
  std::unique_ptr<Connection> connection = std::move(connections_[static_cast<size_t>(fd)]);
  if (connection->transfer != nullptr) {
    connection->transfer->fd_ = -1;
  } else {
    std::erase(connection->server->idle, fd);
  }
  loop_.unwatch(fd);
  ::close(fd);
}

}  // namespace aieb::http
