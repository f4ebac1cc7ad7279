#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "mock/mock_pages.h"

struct epoll_event;

namespace aieb {

struct MockSettings {
  int port = 0;  ///< 0: a free one
  double ttft_ms = 50;
  double itl_ms = 10;
  int tokens = 100;  ///< when the request names no max_tokens
  std::string model = "mock";
};

/// How late tokens left.
class MockLateness {
 public:
  void add(int64_t late_ns);
  [[nodiscard]] int64_t count() const { return count_; }
  [[nodiscard]] double mean_s() const;
  [[nodiscard]] double p99_s() const;  ///< to the microsecond, at most 0.2 s

 private:
  static constexpr int64_t kBins = 200'000;
  std::vector<int64_t> bins_ = std::vector<int64_t>(kBins);  ///< of a microsecond
  int64_t count_ = 0;
  double sum_ns_ = 0;
};

/// An OpenAI-compatible server on the loopback with exact, known times, to measure clients with:
/// one thread, epoll, timerfd. The first token is sent `ttft_ms` after the request was read, then
/// one every `itl_ms`; token t of a request is due at read + ttft + t · itl, whatever delayed the
/// ones before, so that no error adds up. Prompts are not read; `max_tokens` is.
class MockServer {
 public:
  /// Listens. Throws EnvironmentError when the port is taken.
  explicit MockServer(const MockSettings& settings);
  ~MockServer();
  MockServer(const MockServer&) = delete;
  MockServer& operator=(const MockServer&) = delete;

  [[nodiscard]] int port() const { return port_; }

  /// Answers until `stop`, or until `stdin_fd` (if not negative) is closed from the other side.
  void serve(int stdin_fd = -1);

  /// Makes `serve` return. Any thread.
  void stop() const noexcept;

  /// To be read when `serve` has returned.
  [[nodiscard]] const MockLateness& lateness() const { return lateness_; }

 private:
  struct Connection {
    bool open = false;
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

  void listen_on(int port);
  void watch(int fd, uint32_t what) const;
  void dispatch(const epoll_event& event, int stdin_fd);
  void accept_all();
  void receive(int fd);
  void answer_if_whole(int fd, Connection& connection);
  void plan(int fd, const Connection& connection);
  void send_due();
  void write(int fd, std::string_view bytes);
  void arm();

  MockSettings settings_;
  MockPages pages_;
  int port_ = 0;
  int listen_fd_ = -1;
  int epoll_fd_ = -1;
  int timer_fd_ = -1;
  int stop_fd_ = -1;
  int64_t armed_ns_ = 0;
  bool stopped_ = false;
  std::vector<Connection> connections_;  ///< by descriptor
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  MockLateness lateness_;
};

}  // namespace aieb
