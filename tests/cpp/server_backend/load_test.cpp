#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "backends/vllm/in_flight_limit.h"
#include "core/clock.h"
#include "http/event_loop.h"
#include "server_backend/support.h"

namespace aieb::server {
namespace {

/// Answers each chat after `delay_ms`, counting what is open at once.
struct SlowServer {
  explicit SlowServer(int delay_ms)
      : server([this, delay_ms](const ReceivedRequest&, Connection& c) {
          const int now = ++open;
          for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
          }
          pause_ms(delay_ms);
          --open;
          return answer_well(c);
        }) {}
  std::atomic<int> open{0};
  std::atomic<int> most{0};
  FakeVllm server;
};

TEST(ServerLoad, repeats_the_prompts_until_the_duration_is_over) {
  SlowServer slow(20);
  Workload workload = workload_of(3, "closed", 2);
  workload.load.repeat = true;
  workload.load.duration_ns = 500 * kMs;
  workload.load.first_repeat_id = 1000;
  workload.load.salt_repeats = true;
  Ran ran;
  const int64_t before = now_ns();
  run(ran, *slow.server, workload);
  const auto count = ran.sink.finished.size();
  EXPECT_GT(count, 10U);
  EXPECT_LE(count, 52U) << "two at a time, 20 ms each, 500 ms and the last pair";
  std::set<int64_t> ids;
  for (const RequestRecord& r : ran.sink.finished) {
    ids.insert(r.id);
    EXPECT_EQ(r.status, RequestStatus::kOk) << "what was begun in time is waited for";
    EXPECT_LT(r.queued_ns, before + 700 * kMs);
    EXPECT_EQ(r.prompt_index, r.id >= 1000 ? (r.id - 1000) % 3 : r.id - 100);
  }
  EXPECT_EQ(ids.size(), count);
  EXPECT_TRUE(ids.contains(1000));
  std::map<std::string, std::set<std::string>> prompts_by_salt;
  for (const Json& body : slow.server.bodies()) {
    const bool is_new =
        prompts_by_salt[body.value("cache_salt", "")].insert(body["messages"][0]["content"]).second;
    EXPECT_TRUE(is_new) << "a prompt came twice under one salt";
  }
  EXPECT_EQ(prompts_by_salt[""].size(), 3U) << "the first round needs no salt";
}

TEST(ServerLoad, ends_a_repeated_load_at_its_number_of_requests) {
  SlowServer slow(1);
  Workload workload = workload_of(3, "closed", 2);
  workload.load.repeat = true;
  workload.load.duration_ns = 60'000 * kMs;
  workload.load.max_requests = 8;
  workload.load.first_repeat_id = 1000;
  Ran ran;
  run(ran, *slow.server, workload);
  EXPECT_EQ(ran.sink.finished.size(), 8U);
  for (const Json& body : slow.server.bodies()) EXPECT_FALSE(body.contains("cache_salt"));
}

TEST(ServerLoad, sends_the_prompts_again_where_the_schedule_holds_more_and_each_in_its_own_round) {
  SlowServer slow(0);
  Workload workload = workload_of(3, "constant");
  workload.load.salt_repeats = true;
  workload.load.first_repeat_id = 103;
  for (int i = 0; i < 8; ++i) workload.load.arrivals_ns.push_back(i * 5 * kMs);
  Ran ran;
  run(ran, *slow.server, workload);
  ASSERT_EQ(ran.sink.finished.size(), 8U);
  std::set<int64_t> ids;
  for (const RequestRecord& r : ran.sink.finished) {
    ids.insert(r.id);
    EXPECT_EQ(r.status, RequestStatus::kOk) << r.error;
    EXPECT_EQ(r.prompt_index, (r.id - 100) % 3);
    EXPECT_TRUE(r.planned_ns.has_value());
  }
  EXPECT_EQ(ids.size(), 8U);
  std::map<std::string, std::multiset<std::string>> by_salt;
  for (const Json& body : slow.server.bodies()) {
    by_salt[body.value("cache_salt", "")].insert(body["messages"][0]["content"]);
    EXPECT_EQ(body["max_tokens"], 8) << "the shared body is whole";
  }
  EXPECT_EQ(by_salt.size(), 3U);
  EXPECT_EQ(by_salt[""], (std::multiset<std::string>{"prompt 0", "prompt 1", "prompt 2"}));
}

TEST(ServerLoad, cancels_what_is_in_flight_when_the_time_to_wait_for_it_is_over) {
  SlowServer slow(3000);
  Workload workload = workload_of(2, "closed", 2);
  workload.load.repeat = true;
  workload.load.duration_ns = 100 * kMs;
  workload.load.cutoff_ns = 400 * kMs;
  workload.load.first_repeat_id = 1000;
  Ran ran;
  const int64_t before = now_ns();
  run(ran, *slow.server, workload);
  EXPECT_LT(now_ns() - before, 2500 * kMs);
  ASSERT_EQ(ran.sink.finished.size(), 2U);
  for (const RequestRecord& r : ran.sink.finished) {
    EXPECT_EQ(r.status, RequestStatus::kCancelled);
    EXPECT_GE(*r.done_ns, before + 400 * kMs);
    EXPECT_NE(r.error.find("the load was over"), std::string::npos) << r.error;
  }
  ASSERT_EQ(ran.sink.events.size(), 1U);
  EXPECT_NE(ran.sink.events[0].data.dump().find("scenario.load.drain_s"), std::string::npos);
}

TEST(ServerLoad, records_what_a_cut_off_schedule_could_not_begin) {
  SlowServer slow(3000);
  Workload workload = workload_of(4, "constant", 2);
  for (int i = 0; i < 4; ++i) workload.load.arrivals_ns.push_back(i * kMs);
  workload.load.cutoff_ns = 200 * kMs;
  Ran ran;
  run(ran, *slow.server, workload);
  ASSERT_EQ(ran.sink.finished.size(), 4U);
  EXPECT_EQ(std::count_if(ran.sink.finished.begin(), ran.sink.finished.end(),
                          [](const auto& r) { return r.status == RequestStatus::kNotBegun; }),
            2);
}

TEST(ServerLoad, uses_other_salts_in_every_run) {
  SlowServer slow(0);
  Workload workload = workload_of(1);
  workload.requests[0].cache_salt = "round-1";
  std::set<std::string> salts;
  for (int i = 0; i < 3; ++i) {
    Ran ran;
    run(ran, *slow.server, workload);
  }
  for (const Json& body : slow.server.bodies()) salts.insert(body.at("cache_salt"));
  EXPECT_EQ(salts.size(), 3U);
}

TEST(ServerLoad, sends_no_salt_to_servers_that_know_none) {
  SlowServer slow(0);
  Workload workload = workload_of(1);
  workload.requests[0].cache_salt = "round-1";
  Ran ran;
  run(ran, *slow.server, workload, {}, "openai");
  EXPECT_FALSE(slow.server.bodies().at(0).contains("cache_salt"));
}

TEST(ServerLoad, follows_the_stages_of_a_closed_loop) {
  SlowServer slow(10);
  Workload workload = workload_of(2, "closed", 1);
  workload.load.repeat = true;
  workload.load.first_repeat_id = 1000;
  workload.load.stages = {{300 * kMs, 1, 1}, {300 * kMs, 5, 5}, {300 * kMs, 5, 0}};
  workload.load.duration_ns = 900 * kMs;
  Ran ran;
  const int64_t before = now_ns();
  run(ran, *slow.server, workload);
  const auto most_between = [&](int64_t from_ms, int64_t to_ms) {
    size_t most = 0;
    for (int64_t t = before + from_ms * kMs; t < before + to_ms * kMs; t += kMs) {
      most = std::max<size_t>(
          most, std::count_if(ran.sink.finished.begin(), ran.sink.finished.end(),
                              [&](const auto& r) { return *r.sent_ns <= t && *r.done_ns > t; }));
    }
    return most;
  };
  EXPECT_EQ(most_between(0, 290), 1U);
  EXPECT_EQ(most_between(320, 600), 5U);
  EXPECT_LE(most_between(820, 900), 2U) << "the limit falls with the ramp";
}

/// The limit by its definition, without the planner's arithmetic.
TEST(InFlightLimit, finds_the_first_moment_with_room_under_random_stages) {
  const char* given = std::getenv("AIEB_TEST_SEED");
  const unsigned seed = given ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  std::cout << "AIEB_TEST_SEED=" << seed << '\n';
  std::mt19937 random(seed);
  const auto draw = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  constexpr int64_t kBegin = 5'000;
  for (int round = 0; round < 300; ++round) {
    LoadPlan load{"closed", 1};
    int64_t end = kBegin;
    for (int i = draw(1, 4); i > 0; --i) {
      load.stages.push_back({draw(1, 400), draw(0, 20), draw(0, 20)});
      end += load.stages.back().duration_ns;
    }
    const InFlightLimit limit(load, kBegin);
    const auto in_flight = static_cast<size_t>(draw(0, 20));
    const int64_t now = kBegin + draw(0, 1000);
    int64_t expected = now;
    while (expected < end && limit.at(expected) <= in_flight) ++expected;
    if (expected >= end) expected = http::kNever;
    EXPECT_EQ(limit.room_ns(in_flight, now), expected) << "round " << round;
  }
}

TEST(InFlightLimit, is_one_when_sequential_and_open_ended_in_an_open_loop) {
  const LoadPlan sequential{"sequential", 8};
  EXPECT_EQ(InFlightLimit(sequential, 0).at(10), 1U);
  const LoadPlan open{"poisson", 1};
  EXPECT_GT(InFlightLimit(open, 0).at(10), 1'000'000U);
  const LoadPlan capped{"poisson", 8};
  EXPECT_EQ(InFlightLimit(capped, 0).at(10), 8U);
  EXPECT_EQ(InFlightLimit(capped, 0).room_ns(8, 10), http::kNever);
}

}  // namespace
}  // namespace aieb::server
