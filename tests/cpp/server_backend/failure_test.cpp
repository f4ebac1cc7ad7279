#include <algorithm>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/clock.h"
#include "server_backend/support.h"

namespace aieb::server {
namespace {

struct FaultCase {
  const char* name;
  std::function<bool(Connection&)> answer;
  const char* error_class;
  const char* said;
};

const FaultCase kFaults[] = {
    {"unknown model",
     [](Connection& c) {
       return c.respond(404,
                        R"({"error":{"message":"The model `nope` does not exist.","code":404}})");
     },
     "http_4xx", "HTTP 404: The model `nope` does not exist."},
    {"overload", [](Connection& c) { return c.respond(503, "busy", "text/plain"); }, "http_5xx",
     "HTTP 503: busy"},
    {"redirect", [](Connection& c) { return c.respond(307, ""); }, "http_3xx", "HTTP 307"},
    {"error in the stream",
     [](Connection& c) {
       c.begin_stream();
       c.chunk(role_event() + text_event("a", 1));
       c.chunk(event(
           R"({"error":{"message":"EngineDeadError","type":"InternalServerError","code":500}})"));
       c.chunk("data: [DONE]\n\n");
       return c.end();
     },
     "server_error_in_stream", "EngineDeadError"},
    {"typed error event",
     [](Connection& c) {
       c.begin_stream();
       c.chunk("event: error\ndata: {\"message\":\"overloaded\"}\n\n");
       return c.end();
     },
     "server_error_in_stream", "overloaded"},
    {"cut in the middle",
     [](Connection& c) {
       c.begin_stream();
       c.chunk(role_event() + text_event("a", 1));
       return false;
     },
     "connection_lost", ""},
    {"clean end without a reason",
     [](Connection& c) {
       c.begin_stream();
       c.chunk(role_event() + text_event("a", 1));
       return c.end();
     },
     "protocol", "[DONE]"},
    {"garbage in an event",
     [](Connection& c) {
       c.begin_stream();
       c.chunk("data: {\"choices\":[{\"delta\n\n");
       return c.end();
     },
     "protocol", "not JSON"},
    {"another kind of page",
     [](Connection& c) { return c.respond(200, "<html>welcome</html>", "text/html"); }, "protocol",
     "<html>"},
    {"no response at all", [](Connection&) { return false; }, "connection_lost", ""},
};

TEST(ServerFailure, names_every_kind_of_failure_and_goes_on) {
  for (const FaultCase& fault : kFaults) {
    SCOPED_TRACE(fault.name);
    int count = 0;
    FakeVllm server([&](const ReceivedRequest&, Connection& c) {
      return ++count == 1 ? fault.answer(c) : answer_well(c);
    });
    Ran ran;
    run(ran, *server, workload_of(2));
    ASSERT_EQ(ran.sink.finished.size(), 2U);
    const RequestRecord& r = ran.sink.finished[0];
    EXPECT_EQ(r.status, RequestStatus::kFailed);
    EXPECT_EQ(r.error_class, fault.error_class) << r.error;
    EXPECT_NE(r.error.find(fault.said), std::string::npos) << r.error;
    EXPECT_TRUE(r.done_ns);
    EXPECT_EQ(ran.sink.finished[1].status, RequestStatus::kOk) << ran.sink.finished[1].error;
    EXPECT_FALSE(ran.error);
  }
}

TEST(ServerFailure, keeps_what_had_arrived_before_a_cut) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    c.chunk(role_event() + text_event("half", 2));
    return false;
  });
  Ran ran;
  run(ran, *server, workload_of(1));
  EXPECT_EQ(ran.only().text, "half");
  EXPECT_EQ(ran.only().output_tokens, 2);
  EXPECT_TRUE(ran.only().first_token_ns);
}

TEST(ServerFailure, times_out_by_stage) {
  FakeVllm server([](const ReceivedRequest& q, Connection& c) {
    c.begin_stream();
    c.chunk(role_event());
    if (q.body.find("prompt 1") != std::string::npos) {
      for (int i = 1; !c.peer_closed_within(0.05); ++i) c.chunk(text_event("t", i));
    }
    return !c.peer_closed_within(3);
  });
  ScenarioConfig scenario;
  scenario.timeouts = {1, 0.2, 0.6};
  Ran ran;
  run(ran, *server, workload_of(2), scenario);
  ASSERT_EQ(ran.sink.finished.size(), 2U);
  EXPECT_EQ(ran.sink.finished[0].error_class, "timeout_first_token");
  EXPECT_EQ(ran.sink.finished[1].error_class, "timeout_total");
  EXPECT_FALSE(ran.sink.finished[1].text.empty());
}

TEST(ServerFailure, three_failures_in_a_row_end_the_run_with_its_own_exit_code) {
  int count = 0;
  FakeVllm server([&](const ReceivedRequest&, Connection& c) {
    ++count;
    // ok, fail, fail, ok, fail, fail, fail: only the last three are in a row
    return count == 1 || count == 4 ? answer_well(c) : c.respond(500, "boom");
  });
  Ran ran;
  run(ran, *server, workload_of(20));
  ASSERT_TRUE(ran.error);
  EXPECT_EQ(ran.error->exit_code(), ExitCode::kCircuitBreaker);
  EXPECT_NE(std::string(ran.error->what()).find("HTTP 500: boom"), std::string::npos);
  EXPECT_EQ(ran.sink.finished.size(), 20U);
  EXPECT_EQ(ran.sink.finished[7].status, RequestStatus::kNotBegun);
  EXPECT_EQ(count, 7);
}

TEST(ServerFailure, a_dead_server_ends_a_concurrent_run_with_every_started_request_recorded) {
  FakeVllm server([](const ReceivedRequest&, Connection&) { return false; });
  Ran ran;
  run(ran, *server, workload_of(50, "closed", 10));
  ASSERT_TRUE(ran.error);
  std::set<int64_t> ids;
  for (const RequestRecord& r : ran.sink.finished) {
    EXPECT_TRUE(ids.insert(r.id).second);
    EXPECT_NE(r.status, RequestStatus::kLost);
  }
  EXPECT_EQ(ran.sink.finished.size(), 50U);
  EXPECT_EQ(ran.sink.finished.back().status, RequestStatus::kNotBegun);
  for (const int64_t id : ran.sink.started) EXPECT_TRUE(ids.contains(id));
}

TEST(ServerFailure, a_stop_cancels_what_is_in_flight_at_once_and_records_it) {
  FakeVllm server([](const ReceivedRequest& q, Connection& c) {
    if (q.body.find("prompt 0") != std::string::npos) return answer_well(c);
    c.begin_stream();
    c.chunk(role_event() + text_event("part", 1));
    return !c.peer_closed_within(5);
  });
  std::stop_source source;
  std::thread stopper([&] {
    pause_ms(200);
    source.request_stop();
  });
  Ran ran;
  const int64_t before = now_ns();
  run(ran, *server, workload_of(20, "closed", 4), {}, "vllm", source.get_token());
  const int64_t took = now_ns() - before;
  stopper.join();
  EXPECT_LT(took, 1000 * kMs);
  ASSERT_EQ(ran.sink.finished.size(), 20U);  // one answered, four in flight, the rest never begun
  EXPECT_EQ(ran.sink.finished[0].status, RequestStatus::kOk);
  for (size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(ran.sink.finished[i].status, RequestStatus::kCancelled);
    EXPECT_EQ(ran.sink.finished[i].error_class, "cancelled");
    EXPECT_EQ(ran.sink.finished[i].text, "part");
  }
  for (size_t i = 5; i < 20; ++i) {
    EXPECT_EQ(ran.sink.finished[i].status, RequestStatus::kNotBegun);
    EXPECT_FALSE(ran.sink.finished[i].sent_ns);
    EXPECT_GE(ran.sink.finished[i].done_ns, before);
  }
  EXPECT_FALSE(ran.error);
}

TEST(ServerFailure, does_not_begin_when_it_was_stopped_before) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) { return answer_well(c); });
  std::stop_source source;
  source.request_stop();
  Ran ran;
  run(ran, *server, workload_of(3), {}, "vllm", source.get_token());
  ASSERT_EQ(ran.sink.finished.size(), 3U);
  for (const RequestRecord& r : ran.sink.finished) EXPECT_EQ(r.status, RequestStatus::kNotBegun);
  EXPECT_TRUE(server.bodies().empty());
}

TEST(ServerFailure, the_circuit_breaker_counts_to_what_was_set_or_never_opens) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) {
    return c.respond(500, R"({"error":{"message":"no"}})");
  });
  ScenarioConfig scenario;
  for (const auto& [limit, begun] : {std::pair(1, 1), std::pair(5, 5), std::pair(0, 8)}) {
    scenario.circuit_breaker.consecutive_failures = limit;
    Ran ran;
    run(ran, *server, workload_of(8), scenario);
    const auto failed =
        std::count_if(ran.sink.finished.begin(), ran.sink.finished.end(),
                      [](const RequestRecord& r) { return r.status == RequestStatus::kFailed; });
    EXPECT_EQ(failed, begun) << limit;
    EXPECT_EQ(ran.sink.finished.size(), 8U);
    EXPECT_EQ(ran.error.has_value(), limit > 0);
  }
}

}  // namespace
}  // namespace aieb::server
