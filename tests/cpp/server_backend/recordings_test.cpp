// Reads byte-for-byte responses of a real vLLM, where AIEB_VLLM_WIRE names a folder of them.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server_backend/support.h"

namespace aieb::server {
namespace {

struct Recordings : testing::Test {
  void SetUp() override {
    const char* folder = std::getenv("AIEB_VLLM_WIRE");
    if (folder == nullptr) GTEST_SKIP() << "AIEB_VLLM_WIRE is not set";
    folder_ = folder;
  }

  [[nodiscard]] std::string bytes(const std::string& name) const {
    std::ifstream file(folder_ + "/" + name, std::ios::binary);
    EXPECT_TRUE(file) << name;
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// The record that one request gets from a server that plays `name` back in pieces.
  RequestRecord play(const std::string& name, size_t piece, int choices = 1) {
    const std::string recorded = bytes(name);
    FakeVllm server([&](const ReceivedRequest&, Connection& c) {
      for (size_t at = 0; at < recorded.size(); at += piece) c.send(recorded.substr(at, piece));
      return true;
    });
    Collector sink;
    Workload workload = workload_of(1);
    workload.requests[0].params.num_return_sequences = choices;
    RunContext context{sink, {}, 0};
    make_server_backend(backend_for(*server), {})->run(workload, context);
    EXPECT_EQ(sink.finished.size(), 1U);
    return sink.finished.at(0);
  }

  std::string folder_;
};

int64_t arrived(const RequestRecord& r) {
  return std::accumulate(r.token_times.begin(), r.token_times.end(), int64_t{0},
                         [](int64_t sum, const TokenArrival& a) { return sum + a.count; });
}

constexpr size_t kPieces[] = {100000, 97, 1};

TEST_F(Recordings, chat_stream) {
  for (const size_t piece : kPieces) {
    const RequestRecord r = play("chat_stream.http", piece);
    EXPECT_EQ(r.status, RequestStatus::kOk) << r.error;
    EXPECT_EQ(r.text, "1. Red: This is the most obvious colour, but it's also the");
    EXPECT_EQ(r.prompt_tokens, 34);
    EXPECT_EQ(r.output_tokens, 16);
    EXPECT_EQ(r.cached_tokens, 0);
    EXPECT_EQ(r.finish_reason, "length");
    EXPECT_EQ(arrived(r), 16);
  }
}

TEST_F(Recordings, chat_stream_with_continuous_usage_and_token_ids) {
  for (const size_t piece : kPieces) {
    const RequestRecord r = play("chat_stream_continuous_usage_token_ids.http", piece);
    EXPECT_EQ(r.output_tokens, 8) << r.error;
    EXPECT_EQ(arrived(r), 8);
    EXPECT_FALSE(r.extra.contains("tokens_counted_by"));
  }
}

TEST_F(Recordings, stop_string_and_two_choices_and_completions) {
  const RequestRecord stop = play("chat_stream_stop.http", 97);
  EXPECT_EQ(stop.finish_reason, "stop") << stop.error;
  EXPECT_EQ(stop.output_tokens, 5);
  const RequestRecord two = play("chat_stream_n2_interval.http", 97, 2);
  EXPECT_EQ(two.output_tokens, 12) << two.error;
  EXPECT_EQ(two.text, "Hello! How can I assist");
  EXPECT_EQ(two.extra["further_choices"][0], "Hello there! How can I");
  EXPECT_EQ(arrived(two), 12);
  const RequestRecord plain = play("completions_stream_ignore_eos.http", 97);
  EXPECT_EQ(plain.output_tokens, 12) << plain.error;
  EXPECT_EQ(arrived(plain), 12);
}

TEST_F(Recordings, unstreamed_answer) {
  const RequestRecord r = play("chat_nonstream.http", 97);
  EXPECT_EQ(r.output_tokens, 16) << r.error;
  EXPECT_THAT(r.text, testing::StartsWith("1. Red"));
}

TEST_F(Recordings, errors) {
  for (const auto& [name, said] :
       {std::pair{"error_unknown_model.http", "HTTP 404: The model `nope` does not exist."},
        std::pair{"error_context_too_long.http", "max_model_len"},
        std::pair{"error_bad_parameter.http", "temperature must be non-negative"},
        std::pair{"error_bad_json.http", "validation error"}}) {
    const RequestRecord r = play(name, 97);
    EXPECT_EQ(r.error_class, "http_4xx") << name;
    EXPECT_THAT(r.error, testing::HasSubstr(said));
  }
}

TEST_F(Recordings, health_and_models) {
  ScriptServer server([&](const ReceivedRequest& q, Connection& c) {
    return c.send(bytes(q.path == "/v1/models" ? "models.http" : "health.http"));
  });
  const auto backend = make_server_backend(backend_for(server), {});
  backend->validate();
  EXPECT_EQ(backend->info().details["max_model_len"], 2048);
}

}  // namespace
}  // namespace aieb::server
