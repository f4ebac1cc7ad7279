#include <algorithm>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/clock.h"
#include "server_backend/support.h"

namespace aieb::server {
namespace {

TEST(ServerRun, records_everything_of_a_request) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    c.chunk(role_event());
    pause_ms(50);
    c.chunk(text_event("Hello", 1));
    pause_ms(20);
    c.chunk(text_event(" there", 3, true));
    c.chunk(usage_event(3));
    c.chunk("data: [DONE]\n\n");
    return c.end();
  });
  Ran ran;
  const int64_t before = now_ns();
  run(ran, *server, workload_of(1));
  const RequestRecord& r = ran.only();
  EXPECT_EQ(r.status, RequestStatus::kOk) << r.error;
  EXPECT_EQ(r.id, 100);
  EXPECT_EQ(r.text, "Hello there");
  EXPECT_EQ(r.prompt_tokens, 5);
  EXPECT_EQ(r.cached_tokens, 0);
  EXPECT_EQ(r.output_tokens, 3);
  EXPECT_EQ(r.finish_reason, "length");
  EXPECT_FALSE(r.planned_ns);
  EXPECT_GE(r.queued_ns, before);
  EXPECT_GE(r.sent_ns, r.queued_ns);
  EXPECT_GE(*r.first_token_ns - *r.sent_ns, 49 * kMs);
  EXPECT_GE(*r.last_token_ns - *r.first_token_ns, 18 * kMs);
  EXPECT_GE(r.done_ns, r.last_token_ns);
  ASSERT_EQ(r.token_times.size(), 2U);
  EXPECT_EQ(r.token_times[0].count, 1);
  EXPECT_EQ(r.token_times[1].count, 2);
  EXPECT_EQ(ran.sink.tokens, 3);
  EXPECT_THAT(ran.sink.started, testing::ElementsAre(100));
}

TEST(ServerRun, reads_a_stream_whatever_the_case_of_its_type) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) {
    return c.send("HTTP/1.1 200 OK\r\nCONTENT-TYPE: Text/Event-Stream; charset=UTF-8\r\n\r\n" +
                  text_event("Hello", 1, true) + "data: [DONE]\n\n") &&
           false;
  });
  Ran ran;
  run(ran, *server, workload_of(1));
  EXPECT_EQ(ran.only().status, RequestStatus::kOk) << ran.only().error;
  EXPECT_EQ(ran.only().text, "Hello");
}

TEST(ServerRun, says_where_to_look_when_there_is_no_such_page) {
  FakeVllm server([](const ReceivedRequest& q, Connection& c) {
    if (q.path == "/v1/completions") return c.respond(404, R"({"detail":"Not Found"})");
    return c.send("HTTP/1.1 308 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
  });
  Ran ran;
  run(ran, *server, workload_of(1));
  EXPECT_EQ(ran.only().error,
            "HTTP 308: (no text). Redirects are not followed: set backend.endpoint to where this "
            "one leads");
  ScenarioConfig plain;
  plain.use_chat_template = "false";
  Ran second;
  run(second, *server, workload_of(1), plain);
  EXPECT_EQ(second.only().error,
            "HTTP 404: Not Found. Check backend.model and the path of backend.endpoint");
}

TEST(ServerRun, sends_one_at_a_time_on_one_connection_when_sequential) {
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  FakeVllm server([&](const ReceivedRequest&, Connection& c) {
    most = std::max(most.load(), ++open);
    pause_ms(5);
    --open;
    return answer_well(c);
  });
  Ran ran;
  run(ran, *server, workload_of(5));
  EXPECT_EQ(ran.sink.finished.size(), 5U);
  EXPECT_EQ(most, 1);
  EXPECT_EQ(server->connections(), 1);
  EXPECT_THAT(ran.sink.connections_opened, testing::ElementsAre(1));
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(ran.sink.finished[i].id, 100 + static_cast<int64_t>(i));
}

TEST(ServerRun, keeps_exactly_the_concurrency_in_flight) {
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  FakeVllm server([&](const ReceivedRequest&, Connection& c) {
    const int now = ++open;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    pause_ms(20);
    --open;
    return answer_well(c);
  });
  Ran ran;
  run(ran, *server, workload_of(40, "closed", 8));
  EXPECT_EQ(ran.sink.finished.size(), 40U);
  EXPECT_EQ(most, 8);
  EXPECT_THAT(ran.sink.connections_opened, testing::ElementsAre(8));
  std::set<int64_t> ids;
  for (const RequestRecord& r : ran.sink.finished) {
    EXPECT_EQ(r.status, RequestStatus::kOk) << r.error;
    ids.insert(r.id);
  }
  EXPECT_EQ(ids.size(), 40U);
}

TEST(ServerRun, starts_at_planned_times_whatever_the_server_does) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) {
    pause_ms(400);
    return answer_well(c);
  });
  Workload workload = workload_of(10, "constant");
  for (int i = 0; i < 10; ++i) workload.load.arrivals_ns.push_back(i * 10 * kMs);
  Ran ran;
  run(ran, *server, workload);
  ASSERT_EQ(ran.sink.finished.size(), 10U);
  const auto first = std::min_element(ran.sink.finished.begin(), ran.sink.finished.end(),
                                      [](const RequestRecord& a, const RequestRecord& b) {
                                        return a.prompt_index < b.prompt_index;
                                      });
  for (const RequestRecord& r : ran.sink.finished) {
    EXPECT_EQ(*r.planned_ns - *first->planned_ns, r.prompt_index * 10 * kMs);
    EXPECT_GE(r.sent_ns, r.planned_ns);
    EXPECT_LT(*r.sent_ns - *r.planned_ns, 300 * kMs);  // the server's 400 ms held nobody back
  }
}

TEST(ServerRun, handles_several_events_in_a_segment_and_events_split_over_segments) {
  const std::string stream = ": ping\r\n\r\n" + role_event() + text_event("a", 1) +
                             text_event("b", 2, true) + usage_event(2) + "data: [DONE]\n\n";
  for (const size_t piece : {stream.size(), size_t{7}, size_t{1}}) {
    FakeVllm server([&](const ReceivedRequest&, Connection& c) {
      c.begin_stream();
      for (size_t at = 0; at < stream.size(); at += piece) c.chunk(stream.substr(at, piece));
      return c.end();
    });
    Ran ran;
    run(ran, *server, workload_of(1));
    EXPECT_EQ(ran.only().text, "ab") << ran.only().error;
    EXPECT_EQ(ran.only().output_tokens, 2);
  }
}

TEST(ServerRun, accepts_a_stream_without_done_that_said_why_it_finished) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    c.chunk(text_event("a", 1, true));
    return c.end();
  });
  Ran ran;
  run(ran, *server, workload_of(1));
  EXPECT_EQ(ran.only().status, RequestStatus::kOk) << ran.only().error;
}

TEST(ServerRun, reads_a_whole_response_from_a_server_that_does_not_stream) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) {
    return c.respond(
        200, R"({"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],)"
             R"("usage":{"prompt_tokens":3,"completion_tokens":2}})");
  });
  Ran ran;
  run(ran, *server, workload_of(1));
  EXPECT_EQ(ran.only().status, RequestStatus::kOk) << ran.only().error;
  EXPECT_EQ(ran.only().text, "hi");
  EXPECT_EQ(ran.only().output_tokens, 2);
}

TEST(ServerRun, falls_back_to_completions_for_a_model_without_a_template) {
  FakeVllm server([](const ReceivedRequest& q, Connection& c) {
    if (q.path == "/v1/chat/completions") {
      return c.respond(400,
                       R"({"error":{"message":"default chat template is no longer allowed, so you )"
                       R"(must provide a chat template","type":"BadRequestError","code":400}})");
    }
    c.begin_stream();
    c.chunk(event(R"({"choices":[{"index":0,"text":" plain","finish_reason":"length"}]})"));
    c.chunk(usage_event(1));
    c.chunk("data: [DONE]\n\n");
    return c.end();
  });
  Ran ran;
  run(ran, *server, workload_of(6, "closed", 3));
  ASSERT_EQ(ran.sink.finished.size(), 6U);
  for (const RequestRecord& r : ran.sink.finished) {
    EXPECT_EQ(r.status, RequestStatus::kOk) << r.error;
    EXPECT_EQ(r.text, " plain");
  }
  EXPECT_LE(server.bodies().size(), 3U);
  ASSERT_EQ(server.bodies("/v1/completions").size(), 6U);
  EXPECT_EQ(server.bodies("/v1/completions")[0]["prompt"].get<std::string>().substr(0, 7),
            "prompt ");
  ASSERT_EQ(ran.sink.events.size(), 1U);
  EXPECT_EQ(ran.sink.events[0].kind, "warning");
}

TEST(ServerRun, a_forced_chat_template_fails_instead_of_falling_back) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) {
    return c.respond(400, R"({"error":{"message":"you must provide a chat template"}})");
  });
  ScenarioConfig scenario;
  scenario.use_chat_template = "true";
  Ran ran;
  run(ran, *server, workload_of(1), scenario);
  EXPECT_EQ(ran.only().error_class, "http_4xx");
  EXPECT_TRUE(server.bodies("/v1/completions").empty());
}

TEST(ServerRun, goes_straight_to_completions_when_told_so) {
  FakeVllm server([](const ReceivedRequest&, Connection& c) { return answer_well(c); });
  ScenarioConfig scenario;
  scenario.use_chat_template = "false";
  Ran ran;
  run(ran, *server, workload_of(1), scenario);
  EXPECT_EQ(server.bodies("/v1/completions").size(), 1U);
  EXPECT_TRUE(server.bodies().empty());
}

TEST(ServerRun, learns_max_completion_tokens) {
  FakeVllm server([](const ReceivedRequest& q, Connection& c) {
    if (q.body.find("\"max_tokens\"") != std::string::npos) {
      return c.respond(400, R"({"error":{"message":"Use 'max_completion_tokens' instead."}})");
    }
    return answer_well(c);
  });
  Ran ran;
  run(ran, *server, workload_of(3), {}, "openai");
  for (const RequestRecord& r : ran.sink.finished)
    EXPECT_EQ(r.status, RequestStatus::kOk) << r.error;
  EXPECT_EQ(server.bodies().size(), 4U);
}

TEST(ServerRun, says_that_a_reused_connection_had_died) {
  int count = 0;
  FakeVllm server(
      [&](const ReceivedRequest&, Connection& c) { return ++count == 2 ? false : answer_well(c); });
  Ran ran;
  run(ran, *server, workload_of(2));
  EXPECT_EQ(ran.sink.finished.at(1).status, RequestStatus::kOk) << ran.sink.finished[1].error;
  EXPECT_EQ(ran.sink.finished[1].extra["resent"], 1);
  EXPECT_EQ(ran.sink.started.size(), 2U);
}

}  // namespace
}  // namespace aieb::server
