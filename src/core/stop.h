#pragma once

#include <stop_token>

namespace aieb {

/// While it lives, `stop_of_thread` is this token: what waits long before anything is measured (a
/// server's check, a download, a load) looks at it, however deep below the run that is.
class StopScope {
 public:
  explicit StopScope(std::stop_token stop);
  ~StopScope();
  StopScope(const StopScope&) = delete;
  StopScope& operator=(const StopScope&) = delete;

 private:
  std::stop_token before_;
};

/// Of the innermost scope on this thread; without one it is never requested.
std::stop_token stop_of_thread();

/// Throws Stopped when that was requested.
void throw_if_stopped(const std::stop_token& stop);

/// Sleeps, but not past a request to stop.
void sleep_unless_stopped(double duration_s, const std::stop_token& stop);

}  // namespace aieb
