#include "http/text_server.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error.h"

namespace aieb::http {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(2);
constexpr size_t kLongestRequest = 16384;
constexpr int kBacklog = 16;
constexpr const char* kPlainText = "text/plain; charset=utf-8";

struct HostPort {
  std::string host;  ///< without brackets
  std::string port;
};

HostPort parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string host = colon == std::string::npos ? "" : text.substr(0, colon);
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      port.find_first_not_of("0123456789") == std::string::npos;
  const bool bare_ipv6 = !bracketed && host.find(':') != std::string::npos;
  if (!digits || std::stoi(port) > 65535 || bare_ipv6) {
    throw ConfigError("'" + text +
                      "' is not an address to listen at: write :9464, 0.0.0.0:9464 or [::1]:9464");
  }
  return {host.empty() ? "127.0.0.1" : host, port};
}

/// A listening socket. Throws EnvironmentError with the last reason.
int listen_at(const HostPort& at, const std::string& text) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int failed = getaddrinfo(at.host.c_str(), at.port.c_str(), &hints, &found)) {
    throw ConfigError("cannot listen at '" + text + "': " + gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found, freeaddrinfo);
  int error = 0;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    const int yes = 1;
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd >= 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, kBacklog) == 0) return fd;
    error = errno;
    if (fd >= 0) close(fd);
  }
  throw EnvironmentError("cannot listen at '" + text + "': " + std::strerror(error) +
                         ". Choose another port, or end what uses this one.");
}

std::string url_of(int listener, const std::string& path) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size);
  std::array<char, 128> host{};
  std::array<char, 16> port{};
  getnameinfo(reinterpret_cast<sockaddr*>(&name), size, host.data(), host.size(), port.data(),
              port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  const bool ipv6 = name.ss_family == AF_INET6;
  return fmt::format("http://{}{}{}:{}{}", ipv6 ? "[" : "", host.data(), ipv6 ? "]" : "",
                     port.data(), path);
}

/// False when the connection is not ready before `end`.
bool ready(int fd, short what, Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  pollfd wait{fd, what, 0};
  return left.count() > 0 && poll(&wait, 1, static_cast<int>(left.count())) > 0;
}

/// The head of a request; empty when it does not come whole, in time and in bounds.
std::string read_head(int fd, Clock::time_point end) {
  std::string head;
  std::array<char, 4096> buffer{};
  while (head.find("\r\n\r\n") == std::string::npos) {
    if (head.size() > kLongestRequest || !ready(fd, POLLIN, end)) return "";
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count <= 0) return "";
    head.append(buffer.data(), static_cast<size_t>(count));
  }
  return head;
}

void send_all(int fd, std::string_view bytes, Clock::time_point end) {
  while (!bytes.empty() && ready(fd, POLLOUT, end)) {
    const ssize_t count = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return;
    if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
  }
}

struct Answer {
  const char* status;
  std::string content_type = kPlainText;
  std::string body;
};

std::string head_of(const Answer& answer) {
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n",
      answer.status, answer.content_type, answer.body.size(),
      std::string_view(answer.status).starts_with("405") ? "Allow: GET, HEAD\r\n" : "");
}

}  // namespace

TextServer::TextServer(const std::string& address, Page page) : page_(std::move(page)) {
  listener_ = listen_at(parse_address(address), address);
  url_ = url_of(listener_, page_.path);
  stop_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { serve_until_stopped(); });
}

TextServer::~TextServer() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(stop_, &one, sizeof one);
  thread_.join();
  close(stop_);
  close(listener_);
}

void TextServer::serve_until_stopped() {
  while (true) {
    std::array<pollfd, 2> waits{{{listener_, POLLIN, 0}, {stop_, POLLIN, 0}}};
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    if (waits[0].revents == 0) continue;
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    answer(connection);
    close(connection);
  }
}

void TextServer::answer(int connection) const {
  const auto end = Clock::now() + kPatience;
  const std::string head = read_head(connection, end);
  const std::string line = head.substr(0, head.find("\r\n"));
  const size_t first = line.find(' ');
  const size_t second = line.rfind(' ');
  if (first == std::string::npos || second == first) return;
  const std::string method = line.substr(0, first);
  std::string target = line.substr(first + 1, second - first - 1);
  target = target.substr(0, target.find('?'));
  Answer answer{"200 OK", kPlainText, "see " + page_.path + "\n"};
  if (method != "GET" && method != "HEAD") {
    answer = {"405 Method Not Allowed", kPlainText, "only GET and HEAD\n"};
  } else if (target == page_.path) {
    answer = {"200 OK", page_.content_type, page_.text()};
  } else if (target != "/") {
    answer = {"404 Not Found", kPlainText, "only " + page_.path + "\n"};
  }
  send_all(connection, head_of(answer), end);
  if (method != "HEAD") send_all(connection, answer.body, end);
  shutdown(connection, SHUT_WR);
}

}  // namespace aieb::http
