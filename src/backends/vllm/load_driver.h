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

/// Failures in a row that end a run: the server is gone or refuses everything.
constexpr int kBreakerThreshold = 3;

/// The server that is measured.
struct Target {
  const ServerProfile& profile;
  const http::Endpoint& endpoint;
  std::string model;
};

/// Sends one workload at the times that its load plan says and records every request.
///
/// sequential: one at a time. closed: `concurrency` in flight until there are no more. Every other
/// mode: each request at its planned offset after the beginning, whatever the server does
/// (`concurrency` above 1 caps what is in flight, and the delay shows between planned and sent).
class LoadDriver {
 public:
  LoadDriver(http::Client& client, Target target, Dialect& dialect, Notices& notices);

  /// Returns when every request is recorded. Throws Error(kCircuitBreaker) after
  /// kBreakerThreshold failures in a row, with what was in flight recorded as cancelled.
  void run(const Workload& workload, RunContext& context);

 private:
  struct Run;

  http::Client& client_;
  Target target_;
  Dialect& dialect_;
  Notices& notices_;
};

}  // namespace aieb::server
