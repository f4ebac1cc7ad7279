#include <algorithm>

#include <gtest/gtest.h>

#include "server_backend/support.h"

namespace aieb::server {
namespace {

/// Conversations of `turns` turns, one after the other in the workload.
Workload conversations(int count, int turns, int64_t think_ns, int concurrency) {
  Workload workload;
  workload.load = {"closed", concurrency};
  for (int c = 0; c < count; ++c) {
    for (int t = 0; t < turns; ++t) {
      Request request;
      request.id = static_cast<int64_t>(workload.requests.size());
      request.prompt_index = c;
      request.session = "conversation-" + std::to_string(c);
      request.turn = t;
      request.think_time_ns = t == 0 ? 0 : think_ns;
      const std::string text = "c" + std::to_string(c) + "t" + std::to_string(t);
      request.prompt_text = text;
      request.messages = {{"user", text}};
      if (t == 0) request.messages.insert(request.messages.begin(), {"system", "be brief"});
      workload.requests.push_back(request);
    }
  }
  return workload;
}

/// The answer to a chat names the last message: "re:c0t1".
FakeVllm::Answer echo(int delay_ms = 0) {
  return [delay_ms](const ReceivedRequest& q, Connection& c) {
    const Json body = Json::parse(q.body);
    const bool chat = body.contains("messages");
    const std::string last = chat ? body["messages"].back()["content"].get<std::string>()
                                  : body["prompt"].get<std::string>();
    pause_ms(delay_ms);
    if (chat) {
      c.begin_stream();
      c.chunk(role_event());
      c.chunk(text_event("re:" + last, 1, true));
      c.chunk(usage_event(1));
      c.chunk("data: [DONE]\n\n");
      return c.end();
    }
    c.begin_stream();
    c.chunk(event(R"({"choices":[{"index":0,"text":"yes","finish_reason":"length"}]})"));
    c.chunk(usage_event(1));
    c.chunk("data: [DONE]\n\n");
    return c.end();
  };
}

std::string transcript(const Json& body) {
  std::string text;
  for (const Json& message : body["messages"]) {
    text += message["role"].get<std::string>().substr(0, 1) + "(" +
            message["content"].get<std::string>() + ")";
  }
  return text;
}

TEST(Conversation, puts_history_and_the_servers_answers_before_the_next_turn) {
  FakeVllm server(echo());
  Ran ran;
  run(ran, *server, conversations(1, 3, 0, 1));
  const std::vector<Json> bodies = server.bodies();
  ASSERT_EQ(bodies.size(), 3U);
  EXPECT_EQ(transcript(bodies[0]), "s(be brief)u(c0t0)");
  EXPECT_EQ(transcript(bodies[2]), "s(be brief)u(c0t0)a(re:c0t0)u(c0t1)a(re:c0t1)u(c0t2)");
  ASSERT_EQ(ran.sink.finished.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ran.sink.finished[i].id, i);
    EXPECT_EQ(ran.sink.finished[i].session, "conversation-0");
    EXPECT_EQ(ran.sink.finished[i].extra["turn"], i);
  }
}

TEST(Conversation, waits_for_the_user_to_think_and_counts_users_not_requests) {
  FakeVllm server(echo(10));
  Ran ran;
  run(ran, *server, conversations(4, 3, 80 * kMs, 2));
  ASSERT_EQ(ran.sink.finished.size(), 12U);
  const auto record = [&](int c, int t) {
    return *std::find_if(ran.sink.finished.begin(), ran.sink.finished.end(),
                         [&](const RequestRecord& r) { return r.id == c * 3 + t; });
  };
  for (int c = 0; c < 4; ++c) {
    for (int t = 1; t < 3; ++t) {
      const int64_t thought = *record(c, t).queued_ns - *record(c, t - 1).done_ns;
      EXPECT_GE(thought, 80 * kMs);
      EXPECT_LT(thought, 300 * kMs);
    }
  }
  const int64_t first_end = std::min(*record(0, 2).done_ns, *record(1, 2).done_ns);
  EXPECT_GE(*record(2, 0).queued_ns, first_end) << "a thinking user keeps the place";
}

TEST(Conversation, ends_where_a_turn_is_not_answered) {
  FakeVllm server([answer = echo()](const ReceivedRequest& q, Connection& c) {
    const Json body = Json::parse(q.body);
    if (body["messages"].back()["content"] == "c0t1") return c.respond(500, "{}");
    return answer(q, c);
  });
  Ran ran;
  run(ran, *server, conversations(2, 4, 0, 1));
  ASSERT_EQ(ran.sink.finished.size(), 8U);
  std::vector<RequestStatus> by_id(8);
  for (const RequestRecord& r : ran.sink.finished) by_id[static_cast<size_t>(r.id)] = r.status;
  using enum RequestStatus;
  EXPECT_EQ(by_id,
            (std::vector<RequestStatus>{kOk, kFailed, kNotBegun, kNotBegun, kOk, kOk, kOk, kOk}));
}

TEST(Conversation, a_stop_records_the_turns_that_were_still_to_come) {
  FakeVllm server(echo());
  std::stop_source source;
  std::thread stopper([&] {
    pause_ms(150);
    source.request_stop();
  });
  Ran ran;
  run(ran, *server, conversations(3, 3, 60'000 * kMs, 2), {}, "vllm", source.get_token());
  stopper.join();
  ASSERT_EQ(ran.sink.finished.size(), 9U);
  const auto count = [&](RequestStatus status) {
    return std::count_if(ran.sink.finished.begin(), ran.sink.finished.end(),
                         [&](const RequestRecord& r) { return r.status == status; });
  };
  EXPECT_EQ(count(RequestStatus::kOk), 2);
  EXPECT_EQ(count(RequestStatus::kNotBegun), 7);
}

TEST(Conversation, an_open_loop_times_the_first_turns_only) {
  FakeVllm server(echo(20));
  Workload workload = conversations(3, 2, 0, 1);
  workload.load.mode = "constant";
  workload.load.arrivals_ns = {0, 50 * kMs, 100 * kMs};
  Ran ran;
  run(ran, *server, workload);
  ASSERT_EQ(ran.sink.finished.size(), 6U);
  for (const RequestRecord& r : ran.sink.finished) {
    EXPECT_EQ(r.planned_ns.has_value(), r.extra["turn"] == 0);
  }
}

TEST(Conversation, repeats_with_other_sessions_and_one_salt_for_all_turns_of_a_round) {
  FakeVllm server(echo());
  Workload workload = conversations(1, 2, 0, 1);
  workload.load.repeat = true;
  workload.load.duration_ns = 60'000 * kMs;
  workload.load.max_requests = 3;
  workload.load.first_repeat_id = 50;
  workload.load.salt_repeats = true;
  Ran ran;
  run(ran, *server, workload);
  ASSERT_EQ(ran.sink.finished.size(), 6U);
  EXPECT_EQ(ran.sink.finished[3].id, 51);
  EXPECT_EQ(ran.sink.finished[3].session, "conversation-0-round-1");
  const std::vector<Json> bodies = server.bodies();
  EXPECT_FALSE(bodies[1].contains("cache_salt"));
  EXPECT_EQ(bodies[2]["cache_salt"], bodies[3]["cache_salt"]);
  EXPECT_NE(bodies[2]["cache_salt"], bodies[4]["cache_salt"]);
}

TEST(Conversation, writes_the_history_into_the_prompt_without_a_chat_template) {
  FakeVllm server(echo());
  ScenarioConfig scenario;
  scenario.use_chat_template = "false";
  Ran ran;
  run(ran, *server, conversations(1, 2, 0, 1), scenario);
  EXPECT_EQ(server.bodies("/v1/completions").at(1)["prompt"], "c0t0\nyes\nc0t1");
}

}  // namespace
}  // namespace aieb::server
