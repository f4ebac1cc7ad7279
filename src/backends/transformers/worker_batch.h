#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "backends/backend.h"
#include "core/json.h"
#include "core/request.h"

namespace aieb {

/// What the worker says of one batch, as records for the trace.
class WorkerBatch {
 public:
  /// The requests are queued from now on.
  WorkerBatch(std::span<const Request> requests, RunContext& context);

  /// One of the events started, tokens, finished and failed (docs/transformers_engine.md). Others
  /// are left alone.
  void take(const Json& event);

  /// When the batch was begun, and when its first token came.
  [[nodiscard]] std::optional<int64_t> started_ns() const { return started_ns_; }
  [[nodiscard]] std::optional<int64_t> first_token_ns() const { return first_token_ns_; }

  /// Requests that the worker breaks off from now on have failed with this error.
  void blame(std::string error_class, std::string error);

  /// Ends every request that has no end yet: failed, or cancelled when the run was stopped.
  void end_all(const std::string& error_class, const std::string& error);

 private:
  void start(const Json& event);
  void note_tokens(const Json& event);
  void finish(const Json& event);
  void fail(RequestRecord& record, int64_t t_ns, const std::string& error_class,
            const std::string& error);
  void close(int64_t id);

  RunContext& context_;
  std::map<int64_t, RequestRecord> open_;
  std::optional<int64_t> started_ns_;
  std::optional<int64_t> first_token_ns_;
  std::string blamed_class_;
  std::string blamed_error_;
};

}  // namespace aieb
