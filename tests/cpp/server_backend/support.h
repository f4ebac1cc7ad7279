#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "backends/vllm/server_backend.h"
#include "core/client_load.h"
#include "core/error.h"
#include "core/events.h"
#include "http/script_server.h"

namespace aieb::server {

using testing_support::Connection;
using testing_support::ReceivedRequest;
using testing_support::ScriptServer;

/// Keeps every event.
class Collector final : public EventSink {
 public:
  void request_started(const RequestRecord& record) override { started.push_back(record.id); }
  void tokens_arrived(int count) override { tokens += count; }
  void request_finished(RequestRecord record) override { finished.push_back(std::move(record)); }
  void phase_begin(const Phase&) override {}
  void phase_end(const Phase&) override {}
  void domain(const Domain&) override {}
  void samples(const std::vector<Sample>&) override {}
  void event(TraceEvent event) override {
    if (event.kind == kConnectionsEvent) {
      connections_opened.push_back(event.data.at("opened").get<int64_t>());
    } else {
      events.push_back(std::move(event));
    }
  }

  std::vector<int64_t> started;
  std::atomic<int64_t> tokens{0};
  std::vector<RequestRecord> finished;
  std::vector<int64_t> connections_opened;  ///< by each pass over a workload
  std::vector<TraceEvent> events;           ///< all others
};

inline constexpr const char* kModel = "HuggingFaceTB/SmolLM2-135M-Instruct";

/// A server in vLLM's dialect whose chat answers are given by `answer`; health, version and the
/// model list are answered here.
class FakeVllm {
 public:
  using Answer = std::function<bool(const ReceivedRequest&, Connection&)>;
  explicit FakeVllm(Answer answer, const std::string& unix_path = {})
      : server_(
            [answer = std::move(answer)](const ReceivedRequest& q, Connection& c) {
              if (q.path == "/health") return c.respond(200, "", "text/plain");
              if (q.path == "/version") return c.respond(200, R"({"version":"0.24.0"})");
              if (q.path == "/v1/models") {
                return c.respond(200, R"({"object":"list","data":[{"id":")" + std::string(kModel) +
                                          R"(","object":"model","max_model_len":2048}]})");
              }
              return answer(q, c);
            },
            unix_path) {}

  ScriptServer& operator*() { return server_; }
  ScriptServer* operator->() { return &server_; }

  /// The bodies that came to `path`, in order.
  std::vector<Json> bodies(const std::string& path = "/v1/chat/completions") const {
    std::vector<Json> out;
    for (const ReceivedRequest& q : server_.requests()) {
      if (q.path == path) out.push_back(Json::parse(q.body));
    }
    return out;
  }

 private:
  ScriptServer server_;
};

inline std::string event(const std::string& payload) { return "data: " + payload + "\n\n"; }

inline std::string role_event() {
  return event(
      R"({"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},)"
      R"("logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":5,"total_tokens":5,)"
      R"("completion_tokens":0},"prompt_token_ids":null})");
}

inline std::string text_event(const std::string& text, int tokens, bool last = false) {
  return event(R"({"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":")" + text +
               R"("},"logprobs":null,"finish_reason":)" + (last ? R"("length")" : "null") +
               R"(,"token_ids":null}],"usage":{"prompt_tokens":5,"total_tokens":9,)"
               R"("completion_tokens":)" +
               std::to_string(tokens) + "}}");
}

inline std::string usage_event(int tokens) {
  return event(R"({"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":5,"total_tokens":9,)"
               R"("completion_tokens":)" +
               std::to_string(tokens) + R"(,"prompt_tokens_details":{"cached_tokens":0}}})");
}

/// A whole good answer of `tokens` tokens "t".
inline bool answer_well(Connection& c, int tokens = 3) {
  c.begin_stream();
  c.chunk(role_event());
  for (int i = 1; i <= tokens; ++i) c.chunk(text_event("t", i, i == tokens));
  c.chunk(usage_event(tokens));
  c.chunk("data: [DONE]\n\n");
  return c.end();
}

inline BackendConfig backend_for(const ScriptServer& server, const char* type = "vllm") {
  BackendConfig config;
  config.type = type;
  config.model = kModel;
  config.endpoint = server.url("/v1");
  return config;
}

inline Workload workload_of(int count, const std::string& mode = "sequential",
                            int concurrency = 1) {
  Workload workload;
  workload.load = {mode, concurrency};
  for (int i = 0; i < count; ++i) {
    Request request;
    request.id = 100 + i;
    request.prompt_index = i;
    request.messages = {{"user", "prompt " + std::to_string(i)}};
    request.prompt_text = "prompt " + std::to_string(i);
    request.params.max_new_tokens = 8;
    workload.requests.push_back(request);
  }
  return workload;
}

inline constexpr int64_t kMs = 1'000'000;

inline void pause_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

/// What a run left behind.
struct Ran {
  Collector sink;
  std::optional<Error> error;

  [[nodiscard]] const RequestRecord& only() const {
    EXPECT_EQ(sink.finished.size(), 1U);
    return sink.finished.front();
  }
};

/// Runs `workload` against `server`; an Error is kept.
inline void run(Ran& ran, ScriptServer& server, const Workload& workload,
                const ScenarioConfig& scenario = {}, const char* type = "vllm",
                std::stop_token stop = {}) {
  const auto backend = make_server_backend(backend_for(server, type), scenario);
  RunContext context{ran.sink, std::move(stop), 0};
  try {
    backend->run(workload, context);
  } catch (const Error& error) {
    ran.error = error;
  }
}

}  // namespace aieb::server
