#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "core/clock.h"
#include "http/client.h"
#include "http/script_server.h"

namespace aieb::http {

using testing_support::closed_port;
using testing_support::Connection;
using testing_support::ReceivedRequest;
using testing_support::ScriptServer;

inline constexpr int64_t kMs = 1'000'000;

/// Keeps everything that an exchange is told.
class Recorder : public Exchange {
 public:
  void on_sent(int64_t t_ns) override { sent.push_back(t_ns); }
  void on_response(int status_code, std::string_view type) override {
    status = status_code;
    content_type = type;
  }
  bool on_body(std::string_view bytes, Arrival arrival) override {
    body.append(bytes);
    reads.push_back(arrival.first_ns);
    if (answers) set_stage(Stage::kAnswering);
    if (body.ends_with("[DONE]")) set_stage(Stage::kComplete);
    return body.size() < stop_after;
  }
  void on_done(const Outcome& result) override {
    outcome = result;
    ++done;
  }

  std::vector<int64_t> sent;
  std::vector<int64_t> reads;
  int status = 0;
  std::string content_type;
  std::string body;
  Outcome outcome;
  int done = 0;
  bool answers = true;
  size_t stop_after = SIZE_MAX;
};

/// Runs one exchange to its end.
inline void run(Client& client, const HttpRequest& request, Recorder& recorder) {
  const int before = recorder.done;
  client.start(request, recorder);
  const int64_t limit = now_ns() + nanoseconds(20);
  while (recorder.done == before && now_ns() < limit) client.poll(limit);
  ASSERT_EQ(recorder.done, before + 1);
}

inline ClientOptions with_timeouts(double connect_s, double first_s, double total_s) {
  ClientOptions options;
  options.timeouts = {nanoseconds(connect_s), nanoseconds(first_s), nanoseconds(total_s)};
  options.bypass_proxy = true;
  return options;
}

inline ClientOptions plain() { return with_timeouts(5, 5, 10); }

inline void pause_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

}  // namespace aieb::http
