#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/vllm/notices.h"
#include "backends/vllm/profile.h"
#include "backends/vllm/request_body.h"
#include "backends/vllm/stream.h"
#include "http/client.h"
#include "http/url.h"

namespace aieb::server {

/// The server that is measured.
struct Target {
  const ServerProfile& profile;
  const http::Endpoint& endpoint;
  std::string model;
  /// Failures in a row that end a run: the server is gone or refuses everything. 0: never.
  int breaker_failures = 3;
};

/// Sends one workload at the times that its load plan says and records every request.
///
/// sequential: one at a time. closed: `concurrency`, or what its stages say, in flight until there
/// are no more or the load's duration is over. Every other mode: each request at its arrival time
/// after the beginning, whatever the server does (`concurrency` above 1 caps what is in flight, and
/// the delay shows between planned and sent). What is in flight at the end is waited for, until
/// LoadPlan::cutoff_ns where there is one; the rest is cancelled with a notice.
class LoadDriver {
 public:
  LoadDriver(http::Client& client, Target target, Dialect& dialect, Notices& notices);

  /// Returns when every request is recorded. Throws Error(kCircuitBreaker) after
  /// Target::breaker_failures failures in a row. When it or a request to stop ends the run, what
  /// was in flight is recorded as cancelled and what was to follow as not begun.
  void run(const Workload& workload, RunContext& context);

 private:
  struct Run;

  http::Client& client_;
  Target target_;
  Dialect& dialect_;
  Notices& notices_;
};

}  // namespace aieb::server
