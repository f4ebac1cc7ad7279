#include "cli/endpoint_probe.h"

#include <cerrno>
#include <cstring>
#include <memory>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/url.h"

namespace aieb::cli {
namespace {

constexpr int kTimeoutMs = 2000;

/// True when connect(2) succeeds within the time limit. Closes the socket.
bool connects(int fd, const sockaddr* address, socklen_t length) {
  if (fd < 0) return false;
  bool connected = ::connect(fd, address, length) == 0;
  if (!connected && errno == EINPROGRESS) {
    pollfd wait{fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    connected = ::poll(&wait, 1, kTimeoutMs) == 1 &&
                ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
  }
  ::close(fd);
  return connected;
}

bool unix_socket_listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return connects(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                  reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace

bool something_listens(const std::string& endpoint) {
  const http::Endpoint parsed = http::Endpoint::parse(endpoint);
  if (!parsed.unix_socket().empty()) return unix_socket_listens(parsed.unix_socket());
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(parsed.port());
  if (::getaddrinfo(parsed.host().c_str(), port.c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  for (const addrinfo* a = found; a; a = a->ai_next) {
    const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connects(fd, a->ai_addr, a->ai_addrlen)) return true;
  }
  return false;
}

}  // namespace aieb::cli
