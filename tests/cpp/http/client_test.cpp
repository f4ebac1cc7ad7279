#include "http/client.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/recorder.h"

namespace aieb::http {
namespace {

TEST(HttpClient, posts_a_body_and_reads_the_answer) {
  ScriptServer server(
      [](const ReceivedRequest&, Connection& c) { return c.respond(200, "{\"a\":1}"); });
  ClientOptions options = plain();
  options.headers = {"Authorization: Bearer k"};
  Client client(options);
  Recorder r;
  const std::string body = "{\"prompt\":\"x\"}";
  run(client, {server.url("/v1/x"), body, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kNone) << r.outcome.message;
  EXPECT_EQ(r.outcome.peer_address, "127.0.0.1");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.content_type, "application/json");
  EXPECT_EQ(r.body, "{\"a\":1}");
  const ReceivedRequest got = server.requests().at(0);
  EXPECT_EQ(got.method, "POST");
  EXPECT_EQ(got.path, "/v1/x");
  EXPECT_EQ(got.body, body);
  EXPECT_NE(got.head.find("Content-Type: application/json"), std::string::npos);
  EXPECT_NE(got.head.find("Authorization: Bearer k"), std::string::npos);
}

TEST(HttpClient, stamps_sending_and_every_read) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    pause_ms(30);
    c.chunk("one");
    pause_ms(30);
    c.chunk("two");
    return c.end();
  });
  Client client(plain());
  Recorder r;
  const int64_t before = now_ns();
  run(client, {server.url(), {}, {}}, r);
  ASSERT_EQ(r.sent.size(), 1U);
  ASSERT_EQ(r.reads.size(), 2U);
  EXPECT_GE(r.sent[0], before);
  EXPECT_GE(r.reads[0] - r.sent[0], 29 * kMs);
  EXPECT_GE(r.reads[1] - r.reads[0], 25 * kMs);
  EXPECT_LE(r.reads[1] - r.sent[0], 2000 * kMs);
  EXPECT_GE(r.outcome.done_ns, r.reads[1]);
}

TEST(HttpClient, times_bytes_by_their_arrival_and_not_by_the_clients_turn) {
  std::array<std::atomic<int64_t>, 3> sent_ns{};
  ScriptServer server([&](const ReceivedRequest&, Connection& c) {
    c.begin_stream();
    for (size_t i = 0; i < 3; ++i) {
      if (i > 0) pause_ms(10);
      sent_ns[i] = now_ns();
      c.chunk(std::to_string(i));
    }
    return c.end();
  });
  Client client(plain());
  Recorder r;
  const std::string url = server.url();
  client.start({url, {}, {}}, r);
  while (r.reads.empty()) client.poll(now_ns() + 100 * kMs);
  pause_ms(120);  // as a client does that has a thousand other streams to read
  while (r.done == 0) client.poll(now_ns() + 100 * kMs);
  ASSERT_EQ(r.body, "012");
  ASSERT_EQ(r.reads.size(), 3U);
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_GE(r.reads[i], sent_ns[i]);
    EXPECT_LT(r.reads[i] - sent_ns[i], 60 * kMs) << "the pause is in the time of chunk " << i;
  }
  EXPECT_EQ(client.counts().reads, 3);
  EXPECT_GE(client.counts().stamped_reads, 2) << "the first may be read as the request leaves";
}

TEST(HttpClient, times_a_read_itself_where_the_kernel_does_not) {
  const std::string path = testing::TempDir() + "aieb_arrival_" + std::to_string(getpid());
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); },
                      path);
  ClientOptions options = plain();
  options.unix_socket = path;
  Client client(options);
  Recorder r;
  const int64_t before = now_ns();
  run(client, {"http://localhost/", {}, {}}, r);
  ASSERT_EQ(r.reads.size(), 1U);
  EXPECT_GE(r.reads[0], before);
  EXPECT_EQ(client.counts().stamped_reads, 0);
}

TEST(HttpClient, an_error_status_is_a_response_not_a_transport_error) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(503, "busy"); });
  Client client(plain());
  Recorder r;
  run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kNone);
  EXPECT_EQ(r.outcome.status, 503);
  EXPECT_EQ(r.body, "busy");
}

TEST(HttpClient, uses_a_connection_again) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); });
  Client client(plain());
  Recorder r;
  const int64_t before = now_ns();
  for (int i = 0; i < 200; ++i) run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client.counts().connections_opened, 1);
  client.release_buffers();
  run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(server.connections(), 1) << "buffers are not connections";
  EXPECT_LT(now_ns() - before, nanoseconds(4));  // an answer that came early is not waited for
}

TEST(HttpClient, writes_again_when_a_reused_connection_died_before_the_first_byte) {
  // The second request on the first connection is read, and the connection closed without an
  // answer.
  int on_first = 0;
  ScriptServer server([&](const ReceivedRequest& q, Connection& c) {
    if (q.connection == 0 && ++on_first == 2) return false;
    return c.respond(200, "x");
  });
  Client client(plain());
  Recorder first;
  run(client, {server.url(), {}, {}}, first);
  Recorder second;
  run(client, {server.url(), "{}", {}}, second);
  EXPECT_EQ(second.outcome.error, ErrorClass::kNone) << second.outcome.message;
  EXPECT_EQ(second.outcome.resent, 1);
  EXPECT_EQ(second.sent.size(), 2U);
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, does_not_repeat_a_request_on_a_fresh_connection) {
  ScriptServer server([](const ReceivedRequest&, Connection&) { return false; });
  Client client(plain());
  Recorder r;
  run(client, {server.url(), "{}", {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kConnectionLost);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(HttpClient, does_not_repeat_a_request_whose_answer_had_begun) {
  ScriptServer server([](const ReceivedRequest& q, Connection& c) {
    if (q.path == "/warm") return c.respond(200, "x");
    c.begin_stream();
    c.chunk("half");
    return false;
  });
  Client client(plain());
  Recorder warm;
  run(client, {server.url("/warm"), {}, {}}, warm);
  Recorder r;
  run(client, {server.url("/cut"), "{}", {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kConnectionLost);
  EXPECT_EQ(r.body, "half");
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(HttpClient, drops_connections_that_were_idle_for_almost_as_long_as_uvicorn_keeps_them) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); });
  Client client(plain());
  Recorder r;
  run(client, {server.url(), {}, {}}, r);
  pause_ms(4100);
  run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, forgets_a_connection_that_the_server_closed_while_it_was_idle) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    c.respond(200, "x");
    return false;
  });
  Client client(plain());
  Recorder r;
  run(client, {server.url(), "{}", {}}, r);
  const int64_t until = now_ns() + 100 * kMs;
  while (now_ns() < until) client.poll(until);
  run(client, {server.url(), "{}", {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kNone) << r.outcome.message;
  EXPECT_EQ(r.outcome.resent, 0);
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, writes_a_body_that_the_socket_does_not_take_at_once) {
  ScriptServer server([](const ReceivedRequest& q, Connection& c) {
    return c.respond(200, std::to_string(std::hash<std::string>{}(q.body)));
  });
  Client client(plain());
  std::string body(30'000'000, ' ');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  for (int i = 0; i < 2; ++i) {
    Recorder r;
    run(client, {server.url(), body, {}}, r);
    EXPECT_EQ(r.outcome.error, ErrorClass::kNone) << r.outcome.message;
    EXPECT_EQ(r.body, std::to_string(std::hash<std::string>{}(body)));
  }
  EXPECT_EQ(server.connections(), 1);
}

/// Answers before the request is read, then closes: what is still being sent is answered by a
/// reset.
class HastyServer {
 public:
  explicit HastyServer(std::string answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      for (int fd; (fd = accept(listener_, nullptr, nullptr)) >= 0; close(fd)) {
        char some[1000];
        EXPECT_GT(recv(fd, some, sizeof some, 0), 0);
        ++requests;
        EXPECT_GT(send(fd, answer_.data(), answer_.size(), 0), 0);
        pause_ms(20);
      }
    });
  }
  ~HastyServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::atomic<int> requests{0};

 private:
  std::string answer_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

TEST(HttpClient, reads_the_answer_to_a_request_that_the_server_did_not_read) {
  HastyServer server("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlong");
  Client client(plain());
  const std::string body(20'000'000, 'x');
  Recorder r;
  run(client, {server.url(), body, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kNone) << r.outcome.message;
  EXPECT_EQ(r.status, 413);
  EXPECT_EQ(r.body, "long");
  EXPECT_EQ(r.outcome.resent, 0);
  EXPECT_EQ(server.requests, 1);
}

TEST(HttpClient, an_answer_that_a_reset_cuts_is_not_whole) {
  HastyServer server("HTTP/1.1 200 OK\r\n\r\nhalf");
  Client client(plain());
  const std::string body(20'000'000, 'x');
  std::array<Recorder, 3> all;
  for (Recorder& r : all) client.start({server.url(), body, {}}, r);
  const int64_t limit = now_ns() + nanoseconds(10);
  while (client.in_flight() > 0 && now_ns() < limit) client.poll(limit);
  for (const Recorder& r : all) {
    EXPECT_EQ(r.done, 1);
    EXPECT_EQ(r.outcome.error, ErrorClass::kConnectionLost);
  }
}

/// Ends the others when the first has ended.
class Impatient final : public Recorder {
 public:
  void on_done(const Outcome& result) override {
    Recorder::on_done(result);
    client->cancel_all("enough");
  }
  Client* client = nullptr;
};

TEST(HttpClient, exchanges_end_once_when_one_of_them_cancels_the_others) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); });
  Client client(plain());
  std::array<Impatient, 8> all;
  for (Impatient& r : all) {
    r.client = &client;
    client.start({server.url(), "{}", {}}, r);
  }
  pause_ms(100);
  const int64_t limit = now_ns() + nanoseconds(10);
  while (client.in_flight() > 0 && now_ns() < limit) client.poll(limit);
  for (const Impatient& r : all) EXPECT_EQ(r.done, 1);
}

TEST(HttpClient, asks_by_name_until_the_address_is_known) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); });
  Client client(plain());
  client.prefer_address_family(4);
  const std::string url = "http://localhost:" + std::to_string(server.port()) + "/v1/x?a=b";
  Recorder r;
  for (int i = 0; i < 5; ++i) {
    run(client, {url, "{}", {}}, r);
    EXPECT_EQ(r.outcome.error, ErrorClass::kNone) << r.outcome.message;
    EXPECT_EQ(r.outcome.peer_address, "127.0.0.1");
  }
  EXPECT_EQ(server.connections(), 2) << "libcurl's for the first, and one for all others";
  EXPECT_EQ(server.requests().at(4).path, "/v1/x?a=b");
  EXPECT_NE(server.requests().at(4).head.find("Host: localhost:"), std::string::npos);
}

TEST(HttpClient, headers_of_the_user_replace_its_own) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); });
  ClientOptions options = plain();
  options.headers = {"host: gateway", "content-type: text/x", "Accept:", "X-Team: a"};
  Client client(options);
  Recorder r;
  run(client, {server.url(), "{}", {}}, r);
  const std::string head = server.requests().at(0).head;
  EXPECT_EQ(head,
            "POST / HTTP/1.1\r\nhost: gateway\r\ncontent-type: text/x\r\nX-Team: a\r\n"
            "Content-Length: 2");
}

TEST(HttpClient, says_what_is_not_http) {
  ScriptServer server(
      [](const ReceivedRequest&, Connection& c) { return c.send("SSH-2.0-OpenSSH\r\n"); });
  Client client(plain());
  Recorder r;
  run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kProtocol);
  EXPECT_EQ(r.outcome.message, "the answer does not begin as HTTP does: 'SSH-2.0-OpenSSH'");
}

TEST(HttpClient, an_answer_without_a_length_ends_with_its_connection) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    c.send("HTTP/1.0 200 OK\r\n\r\nold");
    return false;
  });
  Client client(plain());
  Recorder r;
  run(client, {server.url(), {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kNone) << r.outcome.message;
  EXPECT_EQ(r.body, "old");
}

TEST(HttpClient, names_a_refused_connection) {
  Client client(plain());
  Recorder r;
  run(client, {"http://127.0.0.1:" + std::to_string(closed_port()), {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kConnect);
  EXPECT_TRUE(r.sent.empty());
}

TEST(HttpClient, names_an_unknown_host) {
  Client client(plain());
  Recorder r;
  run(client, {"http://no-such-host.invalid", {}, {}}, r);
  EXPECT_EQ(r.outcome.error, ErrorClass::kDns);
}

TEST(HttpClient, names_a_server_that_does_not_speak_tls) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); });
  Client client(plain());
  Recorder r;
  // The server waits for a request that the handshake's bytes never complete.
  client.start({"https://127.0.0.1:" + std::to_string(server.port()), {}, nanoseconds(0.3)}, r);
  while (r.done == 0) client.poll(now_ns() + nanoseconds(5));
  EXPECT_EQ(r.outcome.error, ErrorClass::kTimeoutTotal);
  EXPECT_TRUE(r.sent.empty());
}

TEST(HttpClient, talks_to_unix_sockets) {
  const std::string path = testing::TempDir() + "aieb_client_" + std::to_string(getpid()) + ".sock";
  ScriptServer server([](const ReceivedRequest&, Connection& c) { return c.respond(200, "x"); },
                      path);
  ClientOptions options = plain();
  options.unix_socket = path;
  Client client(options);
  const FetchResult result = client.fetch({"http://localhost/health", {}, {}});
  EXPECT_EQ(result.body, "x");
  EXPECT_EQ(result.outcome.peer_address, "") << "a path is no address to prefer a family by";
  unlink(path.c_str());
}

TEST(HttpClient, uses_the_environments_proxy_unless_told_to_go_directly) {
  ScriptServer proxy([](const ReceivedRequest&, Connection& c) { return c.respond(200, "proxy"); });
  ScriptServer server(
      [](const ReceivedRequest&, Connection& c) { return c.respond(200, "server"); });
  setenv("http_proxy", proxy.url().c_str(), 1);
  ClientOptions options = plain();
  options.bypass_proxy = false;
  Client through(options);
  EXPECT_EQ(through.fetch({"http://elsewhere.invalid/x", {}, {}}).body, "proxy");
  EXPECT_EQ(proxy.requests().at(0).path, "http://elsewhere.invalid/x");
  Client direct(plain());
  EXPECT_EQ(direct.fetch({server.url(), {}, {}}).body, "server");
  unsetenv("http_proxy");
}

TEST(HttpClient, keeps_many_streams_apart) {
  ScriptServer server([](const ReceivedRequest& q, Connection& c) {
    c.begin_stream();
    for (int i = 0; i < 5; ++i) c.chunk(q.body + ";");
    return c.end();
  });
  Client client(plain());
  constexpr int kStreams = 64;
  std::vector<Recorder> all(kStreams);
  std::vector<std::string> bodies;
  for (int i = 0; i < kStreams; ++i) bodies.push_back(std::to_string(i));
  for (int i = 0; i < kStreams; ++i) client.start({server.url(), bodies[i], {}}, all[i]);
  const int64_t limit = now_ns() + nanoseconds(10);
  while (client.in_flight() > 0 && now_ns() < limit) client.poll(limit);
  for (int i = 0; i < kStreams; ++i) {
    std::string expected;
    for (int k = 0; k < 5; ++k) expected += bodies[i] + ";";
    EXPECT_EQ(all[i].body, expected);
  }
}

TEST(HttpClient, reports_a_redirect_instead_of_following_it) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    return c.send("HTTP/1.1 307 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n");
  });
  Client client(plain());
  const FetchResult result = client.fetch({server.url(), {}, {}});
  EXPECT_EQ(error_class_of_status(result.outcome.status), ErrorClass::kHttp3xx);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST(ErrorClass, follows_the_status) {
  EXPECT_EQ(error_class_of_status(200), ErrorClass::kNone);
  EXPECT_EQ(error_class_of_status(404), ErrorClass::kHttp4xx);
  EXPECT_EQ(error_class_of_status(502), ErrorClass::kHttp5xx);
  EXPECT_EQ(error_class_of_status(0), ErrorClass::kProtocol);
  EXPECT_EQ(to_string(ErrorClass::kServerErrorInStream), "server_error_in_stream");
  EXPECT_EQ(to_string(ErrorClass::kCancelled), "cancelled");
}

}  // namespace
}  // namespace aieb::http
