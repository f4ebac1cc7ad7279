// aieb_mock_server: an OpenAI-compatible server with exact, known times, to measure clients with.
// One thread, epoll, timerfd. The first token is sent --ttft-ms after the request was read, then
// one every --itl-ms; token t of a request is due at read + ttft + t * itl, whatever delayed the
// ones before, so that no error adds up. It prints its port, serves until its standard input
// closes, and then prints what it knows of its own lateness.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/clock.h"

namespace {

using aieb::now_ns;

struct Settings {
  int port = 0;
  double ttft_ms = 50;
  double itl_ms = 10;
  int tokens = 100;  ///< when the request names no max_tokens
  std::string model = "mock";
};

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nserver: mock\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    "transfer-encoding: chunked\r\n\r\n";

std::string chunked(const std::string& event) {
  return fmt::format("{:x}\r\n{}\r\n", event.size(), event);
}

std::string whole(std::string_view body, std::string_view status = "200 OK") {
  return fmt::format(
      "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}", status,
      body.size(), body);
}

/// What is sent, rendered once. As long as vLLM's chunks with continuous usage.
class Pages {
 public:
  explicit Pages(const Settings& settings) : model_(settings.model) {
    models = whole(
        fmt::format(R"({{"object":"list","data":[{{"id":"{}","object":"model"}}]}})", model_));
    role = std::string(kHead) +
           chunk(R"("delta":{"role":"assistant","content":""},"finish_reason":null)", 0);
  }

  const std::string& token(int index, bool last) {
    auto& cache = last ? last_ : plain_;
    const auto at = static_cast<size_t>(index);
    if (at >= cache.size()) cache.resize(at + 1);
    if (cache[at].empty()) cache[at] = last ? render_last(index) : render(index, "null");
    return cache[at];
  }

  std::string models;
  std::string role;
  std::string health = whole("");
  std::string missing = whole(R"({"detail":"Not Found"})", "404 Not Found");

 private:
  std::string chunk(const std::string& choice, int tokens) const {
    return chunked(fmt::format(
        "data: {{\"id\":\"chatcmpl-5f4d3c2b1a09e8d7\",\"object\":\"chat.completion.chunk\","
        "\"created\":1700000000,\"model\":\"{}\",\"choices\":[{{\"index\":0,{},\"logprobs\":null,"
        "\"token_ids\":null}}],\"usage\":{{\"prompt_tokens\":5,\"total_tokens\":{},"
        "\"completion_tokens\":{}}}}}\n\n",
        model_, choice, tokens + 5, tokens));
  }
  std::string render(int index, std::string_view reason) const {
    return chunk(fmt::format(R"("delta":{{"content":" word"}},"finish_reason":{})", reason),
                 index + 1);
  }
  std::string render_last(int index) const {
    return render(index, R"("length")") +
           chunked(fmt::format("data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":5,"
                               "\"total_tokens\":{},\"completion_tokens\":{}}}}}\n\n",
                               index + 6, index + 1)) +
           chunked("data: [DONE]\n\n") + "0\r\n\r\n";
  }

  std::string model_;
  std::vector<std::string> plain_;
  std::vector<std::string> last_;
};

struct Connection {
  std::string in;
  std::string unsent;  ///< what the socket would not take
  uint64_t generation = 0;
  int64_t read_ns = 0;
  int next_token = -1;  ///< -1: idle
  int tokens = 0;
};

struct Due {
  int64_t at_ns;
  int fd;
  uint64_t generation;
  bool operator>(const Due& other) const { return at_ns > other.at_ns; }
};

/// How late tokens left, in a histogram of microseconds.
class Lateness {
 public:
  void add(int64_t late_ns) {
    ++count_;
    sum_ns_ += static_cast<double>(late_ns);
    ++bins_[static_cast<size_t>(std::clamp<int64_t>(late_ns / 1000, 0, kBins - 1))];
  }
  [[nodiscard]] std::string text() const {
    if (count_ == 0) return "no tokens";
    int64_t seen = 0;
    size_t p99 = 0;
    while (p99 < kBins && (seen += bins_[p99]) < count_ * 99 / 100) ++p99;
    return fmt::format("tokens {} late_mean_us {:.1f} late_p99_us {}", count_,
                       sum_ns_ / static_cast<double>(count_) / 1e3, p99);
  }

 private:
  static constexpr int64_t kBins = 200'000;
  std::vector<int64_t> bins_ = std::vector<int64_t>(kBins);
  int64_t count_ = 0;
  double sum_ns_ = 0;
};

class MockServer {
 public:
  explicit MockServer(const Settings& settings) : settings_(settings), pages_(settings) {
    listen_fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listen_fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(settings.port));
    socklen_t size = sizeof address;
    if (bind(listen_fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listen_fd_, 16384) != 0) {
      std::perror("aieb_mock_server: cannot listen");
      std::exit(3);
    }
    getsockname(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size);
    fmt::print("{}\n", ntohs(address.sin_port));
    std::fflush(stdout);
    epoll_fd_ = epoll_create1(0);
    timer_fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    for (const int fd : {listen_fd_, timer_fd_, STDIN_FILENO}) watch(fd, EPOLLIN);
  }

  void serve() {
    std::array<epoll_event, 512> events{};
    while (!stop_) {
      send_due();
      arm();
      const int n = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < n; ++i) dispatch(events[static_cast<size_t>(i)]);
    }
    fmt::print("{}\n", lateness_.text());
  }

 private:
  void watch(int fd, uint32_t what) const {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) {
      epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event);
    }
  }

  void dispatch(const epoll_event& event) {
    const int fd = event.data.fd;
    if (fd == listen_fd_) {
      accept_all();
    } else if (fd == timer_fd_) {
      uint64_t count = 0;
      armed_ns_ = 0;
      [[maybe_unused]] const ssize_t n = read(fd, &count, sizeof count);
    } else if (fd == STDIN_FILENO) {
      std::array<char, 64> bytes{};
      if (read(fd, bytes.data(), bytes.size()) <= 0) stop_ = true;
    } else {
      if ((event.events & EPOLLOUT) != 0) write(fd, {});
      if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(fd);
    }
  }

  void accept_all() {
    for (int fd = 0; (fd = accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (static_cast<size_t>(fd) >= connections_.size()) {
        connections_.resize(static_cast<size_t>(fd) * 2 + 16);
      }
      Connection& c = connections_[static_cast<size_t>(fd)];
      const uint64_t generation = c.generation + 1;
      c = {};
      c.generation = generation;
      watch(fd, EPOLLIN);
      receive(fd);  // the request is often there already
    }
  }

  void receive(int fd) {
    std::array<char, 16384> bytes{};
    const ssize_t n = recv(fd, bytes.data(), bytes.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    Connection& c = connections_[static_cast<size_t>(fd)];
    if (n <= 0) {
      ++c.generation;
      close(fd);
      return;
    }
    c.in.append(bytes.data(), static_cast<size_t>(n));
    answer_if_whole(fd, c);
  }

  void answer_if_whole(int fd, Connection& c) {
    const size_t head = c.in.find("\r\n\r\n");
    if (head == std::string::npos) return;
    const size_t at = c.in.find("Content-Length: ");
    const size_t length = at < head ? std::strtoul(c.in.c_str() + at + 16, nullptr, 10) : 0;
    if (c.in.size() < head + 4 + length) return;
    if (c.in.starts_with("POST ")) {
      const size_t limit = c.in.find("\"max_tokens\":", head);
      c.tokens =
          limit == std::string::npos ? settings_.tokens : std::atoi(c.in.c_str() + limit + 13);
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

  void plan(int fd, const Connection& c) {
    const double after_ms = settings_.ttft_ms + c.next_token * settings_.itl_ms;
    due_.push({c.read_ns + static_cast<int64_t>(after_ms * 1e6), fd, c.generation});
  }

  void send_due() {
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

  void write(int fd, std::string_view bytes) {
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

  void arm() {
    const int64_t at = due_.empty() ? 0 : due_.top().at_ns;
    if (at == armed_ns_) return;
    itimerspec spec{};
    spec.it_value.tv_sec = at / 1'000'000'000;
    spec.it_value.tv_nsec = at % 1'000'000'000;
    timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
    armed_ns_ = at;
  }

  Settings settings_;
  Pages pages_;
  int listen_fd_ = -1;
  int epoll_fd_ = -1;
  int timer_fd_ = -1;
  int64_t armed_ns_ = 0;
  bool stop_ = false;
  std::vector<Connection> connections_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  Lateness lateness_;
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("An OpenAI-compatible server with known times, to measure clients with");
  app.add_option("--port", settings.port, "0: a free one, which is printed");
  app.add_option("--ttft-ms", settings.ttft_ms, "from the request to the first token");
  app.add_option("--itl-ms", settings.itl_ms, "between tokens");
  app.add_option("--tokens", settings.tokens, "when the request names no max_tokens");
  app.add_option("--model", settings.model, "the one model it lists");
  CLI11_PARSE(app, argc, argv);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  prctl(PR_SET_TIMERSLACK, 1);
  MockServer(settings).serve();
  return 0;
}
