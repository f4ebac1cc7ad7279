#include "http/script_server.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace aieb::testing_support {
namespace {

int listen_tcp(int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 1024) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

int listen_unix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  unlink(path.c_str());
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 16) != 0) {
    throw std::runtime_error("cannot listen on " + path);
  }
  return fd;
}

size_t content_length(const std::string& head) {
  const size_t at = head.find("Content-Length: ");
  return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 16, nullptr, 10);
}

/// Moves one request out of `buffer`, reading more from `fd` as needed. False: the peer closed.
bool read_request(int fd, std::string& buffer, ReceivedRequest& request) {
  char bytes[16384];
  size_t head_end = 0;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos ||
         buffer.size() < head_end + 4 + content_length(buffer.substr(0, head_end))) {
    const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer.append(bytes, static_cast<size_t>(n));
  }
  request.head = buffer.substr(0, head_end);
  const size_t length = content_length(request.head);
  request.body = buffer.substr(head_end + 4, length);
  buffer.erase(0, head_end + 4 + length);
  const size_t space = request.head.find(' ');
  request.method = request.head.substr(0, space);
  request.path = request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
  return true;
}

}  // namespace

bool Connection::send(std::string_view bytes) const {
  return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

bool Connection::respond(int status, std::string_view body, std::string_view content_type) const {
  return send(
      fmt::format("HTTP/1.1 {} X\r\nserver: uvicorn\r\ncontent-length: {}\r\n"
                  "content-type: {}\r\n\r\n{}",
                  status, body.size(), content_type, body));
}

bool Connection::begin_stream() const {
  return send(
      "HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
      "transfer-encoding: chunked\r\n\r\n");
}

bool Connection::chunk(std::string_view bytes) const {
  return send(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes));
}

bool Connection::end() const { return send("0\r\n\r\n"); }

bool Connection::peer_closed_within(double seconds) const {
  pollfd state{fd_, POLLRDHUP, 0};
  return poll(&state, 1, static_cast<int>(seconds * 1e3)) > 0;
}

ScriptServer::ScriptServer(Handler handler, const std::string& unix_path)
    : handler_(std::move(handler)),
      listen_fd_(unix_path.empty() ? listen_tcp(port_) : listen_unix(unix_path)),
      acceptor_([this] { accept_loop(); }) {}

ScriptServer::~ScriptServer() {
  stopping_ = true;
  shutdown(listen_fd_, SHUT_RDWR);
  acceptor_.join();
  close(listen_fd_);
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& worker : workers_) worker.join();
}

void ScriptServer::accept_loop() {
  while (!stopping_) {
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on Unix sockets, harmlessly
    const int index = connections_++;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    workers_.emplace_back([this, fd, index] { serve(fd, index); });
  }
}

void ScriptServer::serve(int fd, int index) {
  Connection connection(fd);
  std::string buffer;
  ReceivedRequest request;
  request.connection = index;
  bool open = true;
  while (open && !stopping_ && read_request(fd, buffer, request)) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    open = handler_(request, connection);
  }
  const std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  close(fd);
}

std::string ScriptServer::url(std::string_view path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

std::vector<ReceivedRequest> ScriptServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int closed_port() {
  int port = 0;
  const int fd = listen_tcp(port);
  close(fd);
  return port;
}

}  // namespace aieb::testing_support
