// When exchanges end that do not end by themselves: limits, cancellation, waking.
#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/event_loop.h"
#include "http/recorder.h"

namespace aieb::http {
namespace {

TEST(HttpLimits, gives_up_connecting_after_its_limit) {
  // A full accept queue: the kernel leaves further connection attempts unanswered.
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_storage address{};
  address.ss_family = AF_INET;
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), 16), 0);
  ASSERT_EQ(listen(fd, 0), 0);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<int> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    connect(fillers.back(), reinterpret_cast<sockaddr*>(&address), 16);
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(&address);
  const int port = bytes[2] * 256 + bytes[3];
  Client client(with_timeouts(0.2, 5, 10));
  Recorder r;
  const int64_t before = now_ns();
  run(client, {"http://127.0.0.1:" + std::to_string(port), {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kTimeoutConnect);
  EXPECT_LT(now_ns() - before, 2000 * kMs);
  for (const int filler : fillers) close(filler);
  close(fd);
}

TEST(HttpLimits, gives_up_waiting_for_the_first_token_but_not_for_a_begun_answer) {
  ScriptServer server([](const ReceivedRequest& q, Connection& c) {
    c.begin_stream();
    c.chunk("role");
    if (q.path == "/silent") return !c.peer_closed_within(5);
    pause_ms(400);
    c.chunk("late");
    return c.end();
  });
  Client client(with_timeouts(5, 0.2, 10));
  Recorder silent;
  silent.answers = false;
  run(client, {server.url("/silent"), {}, {}}, silent);
  EXPECT_EQ(silent.outcome.error, ErrorClass::kTimeoutFirstToken);
  EXPECT_NE(silent.outcome.message.find("first_token_s"), std::string::npos);
  Recorder begun;
  run(client, {server.url("/begun"), {}, {}}, begun);
  EXPECT_EQ(begun.outcome.error, ErrorClass::kNone) << begun.outcome.message;
}

TEST(HttpLimits, gives_up_on_an_answer_that_does_not_end) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    while (!c.peer_closed_within(0.02) && c.chunk("x")) {
    }
    return false;
  });
  Client client(with_timeouts(5, 5, 0.3));
  Recorder r;
  run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kTimeoutTotal);
  EXPECT_GT(r.reads.size(), 3U);
}

TEST(HttpLimits, ends_without_error_when_the_exchange_has_seen_enough) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    c.chunk("enough");
    return !c.peer_closed_within(5);
  });
  Client client(plain());
  Recorder r;
  r.stop_after = 1;
  run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kNone);
}

TEST(HttpLimits, does_not_wait_long_for_the_end_of_a_complete_answer) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    c.chunk("[DONE]");
    return !c.peer_closed_within(5);
  });
  Client client(plain());
  Recorder r;
  const int64_t before = now_ns();
  run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kNone);
  EXPECT_LT(now_ns() - before, nanoseconds(3));
}

TEST(HttpLimits, lets_an_exception_of_the_exchange_out_of_poll) {
  class Thrower final : public Recorder {
    bool on_body(std::string_view, Arrival) override { throw std::runtime_error("boom"); }
  };
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); });
  Client client(plain());
  Thrower thrower;
  client.start({server.url(), {}, {}}, thrower);
  EXPECT_THROW(
      {
        while (thrower.done == 0) client.poll(kNever);
      },
      std::runtime_error);
}

TEST(HttpLimits, cancels_at_once_and_closes_so_that_the_server_stops) {
  std::atomic<int> closed{0};
  ScriptServer server([&](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    c.chunk("x");
    closed += c.peer_closed_within(5) ? 1 : 0;
    return false;
  });
  Client client(plain());
  std::vector<Recorder> all(10);
  const HttpRequest request{server.url(), {}, {}};
  for (Recorder& r : all) client.start(request, r);
  const int64_t limit = now_ns() + nanoseconds(5);
  while (now_ns() < limit &&
         std::any_of(all.begin(), all.end(), [](const Recorder& r) { return r.body.empty(); })) {
    client.poll(limit);
  }
  const int64_t before = now_ns();
  client.cancel_all();
  EXPECT_LT(now_ns() - before, 100 * kMs);
  EXPECT_EQ(client.in_flight(), 0U);
  for (const Recorder& r : all) {
    EXPECT_EQ(r.done, 1);
    EXPECT_EQ(r.outcome.error, ErrorClass::kCancelled);
  }
  pause_ms(100);
  EXPECT_EQ(closed, 10);
}

TEST(HttpLimits, wakes_from_another_thread) {
  Client client(plain());
  const int64_t before = now_ns();
  std::thread other([&] {
    pause_ms(50);
    client.wake();
  });
  client.poll(before + nanoseconds(10));
  other.join();
  EXPECT_LT(now_ns() - before, nanoseconds(5));
}

TEST(HttpLimits, wakes_on_time_when_there_is_nothing_to_do) {
  Client client(plain());
  const int64_t until = now_ns() + 20 * kMs;
  while (now_ns() < until) client.poll(until);
  EXPECT_LT(now_ns() - until, 10 * kMs);
}

}  // namespace
}  // namespace aieb::http
