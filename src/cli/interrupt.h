#pragma once

#include <functional>
#include <stop_token>
#include <thread>

namespace aieb::cli {

/// While it lives, the first SIGINT, SIGTERM or SIGHUP requests a stop and the second ends the
/// process at once with exit code 130. What was recorded until then is in the trace either way.
/// One at a time.
class InterruptGuard {
 public:
  /// `on_stop` is called once, on a thread of its own, after the stop was requested.
  explicit InterruptGuard(std::function<void()> on_stop);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::function<void()> on_stop_;
  std::thread watcher_;
};

}  // namespace aieb::cli
