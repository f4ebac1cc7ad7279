#include "mock/mock_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"

namespace aieb {

void MockLateness::add(int64_t late_ns) {
  ++count_;
  sum_ns_ += static_cast<double>(late_ns);
  ++bins_[static_cast<size_t>(std::clamp<int64_t>(late_ns / 1000, 0, kBins - 1))];
}

double MockLateness::mean_s() const {
  return count_ == 0 ? 0 : sum_ns_ / static_cast<double>(count_) / 1e9;
}

double MockLateness::p99_s() const {
  int64_t seen = 0;
  size_t p99 = 0;
  while (p99 < kBins && (seen += bins_[p99]) < count_ * 99 / 100) ++p99;
  return static_cast<double>(p99) / 1e6;
}

MockServer::MockServer(const MockSettings& settings) : settings_(settings), pages_(settings.model) {
  listen_on(settings.port);
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  timer_fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  stop_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  for (const int fd : {listen_fd_, timer_fd_, stop_fd_}) watch(fd, EPOLLIN);
}

MockServer::~MockServer() {
  for (size_t fd = 0; fd < connections_.size(); ++fd) {
    if (connections_[fd].open) close(static_cast<int>(fd));
  }
  for (const int fd : {listen_fd_, timer_fd_, stop_fd_, epoll_fd_}) close(fd);
}

void MockServer::listen_on(int port) {
  listen_fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listen_fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  socklen_t size = sizeof address;
  if (bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listen_fd_, 16384) != 0) {
    const int failure = errno;
    close(listen_fd_);
    throw EnvironmentError(fmt::format("The mock server cannot listen at 127.0.0.1:{}: {}", port,
                                       std::strerror(failure)));
  }
  getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

void MockServer::serve(int stdin_fd) {
  if (stdin_fd >= 0) watch(stdin_fd, EPOLLIN);
  std::array<epoll_event, 512> events{};
  while (!stopped_) {
    send_due();
    arm();
    const int n = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < n; ++i) dispatch(events[static_cast<size_t>(i)], stdin_fd);
  }
}

void MockServer::stop() const noexcept {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_fd_, &one, sizeof one);
}

void MockServer::watch(int fd, uint32_t what) const {
  epoll_event event{};
  event.events = what;
  event.data.fd = fd;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) {
    epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event);
  }
}

void MockServer::dispatch(const epoll_event& event, int stdin_fd) {
  const int fd = event.data.fd;
  if (fd == listen_fd_) {
    accept_all();
  } else if (fd == timer_fd_) {
    uint64_t count = 0;
    armed_ns_ = 0;
    [[maybe_unused]] const ssize_t n = read(fd, &count, sizeof count);
  } else if (fd == stop_fd_) {
    stopped_ = true;
  } else if (fd == stdin_fd) {
    std::array<char, 64> bytes{};
    if (read(fd, bytes.data(), bytes.size()) <= 0) stopped_ = true;
  } else {
    if ((event.events & EPOLLOUT) != 0) write(fd, {});
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(fd);
  }
}

void MockServer::accept_all() {
  for (int fd = 0;
       (fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (static_cast<size_t>(fd) >= connections_.size()) {
      connections_.resize(static_cast<size_t>(fd) * 2 + 16);
    }
    Connection& c = connections_[static_cast<size_t>(fd)];
    const uint64_t generation = c.generation + 1;
    c = {};
    c.open = true;
    c.generation = generation;
    watch(fd, EPOLLIN);
    receive(fd);  // the request is often there already
  }
}

void MockServer::receive(int fd) {
  std::array<char, 16384> bytes{};
  const ssize_t n = recv(fd, bytes.data(), bytes.size(), 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  Connection& c = connections_[static_cast<size_t>(fd)];
  if (n <= 0) {
    ++c.generation;
    c.open = false;
    close(fd);
    return;
  }
  c.in.append(bytes.data(), static_cast<size_t>(n));
  answer_if_whole(fd, c);
}

void MockServer::answer_if_whole(int fd, Connection& c) {
  const size_t head = c.in.find("\r\n\r\n");
  if (head == std::string::npos) return;
  const size_t at = c.in.find("Content-Length: ");
  const size_t length = at < head ? std::strtoul(c.in.c_str() + at + 16, nullptr, 10) : 0;
  if (c.in.size() < head + 4 + length) return;
  if (c.in.starts_with("POST ")) {
    const size_t limit = c.in.find("\"max_tokens\":", head);
    c.tokens = limit == std::string::npos ? settings_.tokens : std::atoi(c.in.c_str() + limit + 13);
    c.read_ns = now_ns();
    c.next_token = 0;
    plan(fd, c);
  } else {
    const bool models = c.in.find("/models ") < head;
    const bool health = c.in.find("/health ") < head;
    write(fd, models ? pages_.models : health ? pages_.health : pages_.missing);
  }
  c.in.erase(0, head + 4 + length);
}

void MockServer::plan(int fd, const Connection& c) {
  const double after_ms = settings_.ttft_ms + c.next_token * settings_.itl_ms;
  due_.push({c.read_ns + static_cast<int64_t>(after_ms * 1e6), fd, c.generation});
}

void MockServer::send_due() {
  int64_t now = now_ns();
  while (!due_.empty() && due_.top().at_ns <= now) {
    const Due due = due_.top();
    due_.pop();
    Connection& c = connections_[static_cast<size_t>(due.fd)];
    if (c.generation != due.generation) continue;
    const int token = c.next_token++;
    const bool last = c.next_token >= c.tokens;
    if (last) c.next_token = -1;
    const std::string& text = pages_.token(token, last);
    lateness_.add(now_ns() - due.at_ns);
    write(due.fd, token == 0 ? pages_.role + text : text);
    if (!last) plan(due.fd, c);
    now = now_ns();
  }
}

void MockServer::write(int fd, std::string_view bytes) {
  Connection& c = connections_[static_cast<size_t>(fd)];
  if (!c.unsent.empty()) {
    c.unsent.append(bytes);
    bytes = c.unsent;
  }
  const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  const size_t sent = n > 0 ? static_cast<size_t>(n) : 0;
  if (sent == bytes.size()) {
    if (!c.unsent.empty()) {
      c.unsent.clear();
      watch(fd, EPOLLIN);
    }
    return;
  }
  c.unsent = std::string(bytes.substr(sent));
  watch(fd, EPOLLIN | EPOLLOUT);
}

void MockServer::arm() {
  const int64_t at = due_.empty() ? 0 : due_.top().at_ns;
  if (at == armed_ns_) return;
  itimerspec spec{};
  spec.it_value.tv_sec = at / 1'000'000'000;
  spec.it_value.tv_nsec = at % 1'000'000'000;
  timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
  armed_ns_ = at;
}

}  // namespace aieb
