#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace aieb::testing_support {

struct ReceivedRequest {
  std::string method;
  std::string path;
  std::string head;  ///< request line and headers as they came
  std::string body;
  int connection = 0;  ///< 0 for the first that was accepted
};

/// One accepted connection, as a script writes to it.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  bool send(std::string_view bytes) const;
  /// A whole response with Content-Length.
  bool respond(int status, std::string_view body,
               std::string_view content_type = "application/json") const;
  /// The head of a chunked event stream; follow with `chunk` and `end`.
  bool begin_stream() const;
  bool chunk(std::string_view bytes) const;
  bool end() const;
  /// Waits until the peer has closed or `seconds` are over; true: closed.
  [[nodiscard]] bool peer_closed_within(double seconds) const;

 private:
  int fd_;
};

/// A loopback HTTP server for tests: one thread a connection, answers by script. The handler
/// returns whether the connection stays open.
class ScriptServer {
 public:
  using Handler = std::function<bool(const ReceivedRequest&, Connection&)>;

  /// Listens on 127.0.0.1, or on the Unix socket at `unix_path`.
  explicit ScriptServer(Handler handler, const std::string& unix_path = {});
  ~ScriptServer();
  ScriptServer(const ScriptServer&) = delete;
  ScriptServer& operator=(const ScriptServer&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url(std::string_view path = "") const;
  [[nodiscard]] std::vector<ReceivedRequest> requests() const;
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_loop();
  void serve(int fd, int index);

  Handler handler_;
  int port_ = 0;  ///< before listen_fd_, whose initialiser sets it
  int listen_fd_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::vector<ReceivedRequest> requests_;
  std::vector<int> open_;
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

/// A port on 127.0.0.1 at which nothing listens.
int closed_port();

}  // namespace aieb::testing_support
