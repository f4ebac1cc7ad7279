#include "backends/vllm/answer.h"

#include <numeric>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aieb::server {
namespace {

using testing::ElementsAre;

struct AnswerTest : testing::Test {
  AnswerTest() { answer.begin(record, 16); }

  int at(int64_t t_ns, const std::string& payload) {
    EXPECT_TRUE(parser.parse(payload, chunk)) << payload;
    return answer.add(chunk, t_ns);
  }

  /// "t:count" of every arrival.
  std::vector<std::string> arrivals() const {
    std::vector<std::string> out;
    for (const TokenArrival& a : record.token_times) {
      out.push_back(std::to_string(a.t_ns) + ":" + std::to_string(a.count));
    }
    return out;
  }

  RequestRecord record;
  ChunkParser parser;
  Chunk chunk;
  Answer answer;
};

std::string delta(const std::string& content, const std::string& rest = "") {
  return R"({"choices":[{"index":0,"delta":{"content":")" + content + R"("},"finish_reason":null)" +
         rest + "}]}";
}

std::string with_usage(const std::string& content, int tokens) {
  std::string text = delta(content);
  text.pop_back();
  return text + R"(,"usage":{"prompt_tokens":7,"completion_tokens":)" + std::to_string(tokens) +
         "}}";
}

constexpr const char* kRole =
    R"({"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})";
constexpr const char* kFinal = R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,)"
                               R"("prompt_tokens_details":{"cached_tokens":4}}})";

TEST_F(AnswerTest, first_token_is_text_and_never_the_role_chunk) {
  at(10, kRole);
  EXPECT_FALSE(answer.begun());
  at(20, delta("a"));
  at(30, delta("b"));
  answer.finish();
  EXPECT_EQ(record.first_token_ns, 20);
  EXPECT_EQ(record.last_token_ns, 30);
  EXPECT_EQ(record.text, "ab");
}

TEST_F(AnswerTest, takes_counts_from_the_final_usage) {
  at(10, kRole);
  for (int64_t t : {20, 30, 40}) at(t, delta("a"));
  at(41, kFinal);
  answer.finish();
  EXPECT_EQ(record.output_tokens, 3);
  EXPECT_EQ(record.prompt_tokens, 7);
  EXPECT_EQ(record.cached_tokens, 4);
  EXPECT_EQ(record.last_token_ns, 40);  // the usage chunk brings no token
  EXPECT_EQ(record.extra["tokens_counted_by"], "chunks");
}

TEST_F(AnswerTest, continuous_usage_counts_the_tokens_of_every_chunk) {
  at(10, with_usage("", 0));
  EXPECT_EQ(at(20, with_usage("a", 1)), 1);
  EXPECT_EQ(at(30, with_usage("bcd", 4)), 3);
  EXPECT_EQ(at(40, with_usage("e", 5)), 1);
  answer.finish();
  EXPECT_THAT(arrivals(), ElementsAre("20:1", "30:3", "40:1"));
  EXPECT_EQ(record.output_tokens, 5);
  EXPECT_EQ(record.extra["chunks_of_several_tokens"], 1);
  EXPECT_FALSE(record.extra.contains("tokens_counted_by"));
}

TEST_F(AnswerTest, tokens_without_text_count_with_the_first_text) {
  at(10, with_usage("", 0));
  at(20, with_usage("", 2));  // control tokens that a parser swallowed
  at(30, with_usage("a", 3));
  at(40, with_usage("", 4));  // the end-of-sequence token
  answer.finish();
  EXPECT_EQ(record.first_token_ns, 30);
  EXPECT_THAT(arrivals(), ElementsAre("30:3", "40:1"));
}

TEST_F(AnswerTest, token_ids_count_where_usage_comes_only_at_the_end) {
  at(20, delta("a", R"(,"token_ids":[5])"));
  at(30, delta("bc", R"(,"token_ids":[6,7])"));
  answer.finish();
  EXPECT_THAT(arrivals(), ElementsAre("20:1", "30:2"));
  EXPECT_EQ(record.output_tokens, 3);
}

TEST_F(AnswerTest, chunks_are_no_token_count) {
  at(20, delta("a"));
  at(30, delta("b"));
  answer.finish();
  EXPECT_FALSE(record.output_tokens);
}

TEST_F(AnswerTest, usage_that_comes_only_in_the_last_chunk_does_not_inflate_it) {
  for (int64_t t : {20, 30}) at(t, delta("a"));
  at(40, with_usage("b", 30));
  answer.finish();
  EXPECT_THAT(arrivals(), ElementsAre("20:1", "30:1", "40:1"));
  EXPECT_EQ(record.output_tokens, 30);
}

TEST_F(AnswerTest, reasoning_is_the_first_token_and_its_tokens_are_told_apart) {
  const auto reasoning = [](const char* text, int tokens) {
    return std::string(R"({"choices":[{"index":0,"delta":{"reasoning":")") + text +
           R"("}}],"usage":{"prompt_tokens":7,"completion_tokens":)" + std::to_string(tokens) +
           "}}";
  };
  at(10, with_usage("", 0));
  at(20, reasoning("let me", 2));
  at(30, reasoning(" see", 3));
  at(40, with_usage("4", 5));
  answer.finish();
  EXPECT_EQ(record.first_token_ns, 20);
  EXPECT_EQ(record.text, "4");
  EXPECT_EQ(record.extra["reasoning"], "let me see");
  EXPECT_EQ(record.extra["first_answer_ns"], 40);
  EXPECT_EQ(record.reasoning_tokens, 3);
}

TEST_F(AnswerTest, the_servers_own_count_of_reasoning_tokens_wins) {
  at(20, R"({"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]})");
  at(30, delta("a"));
  at(40, R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":9,)"
         R"("completion_tokens_details":{"reasoning_tokens":8}}})");
  answer.finish();
  EXPECT_EQ(record.reasoning_tokens, 8);
}

TEST_F(AnswerTest, interleaved_choices_are_counted_apart_and_totalled_by_the_last_usage) {
  const auto choice = [](int index, const char* text, int tokens) {
    return R"({"choices":[{"index":)" + std::to_string(index) + R"(,"delta":{"content":")" + text +
           R"("},"finish_reason":"length"}],"usage":{"prompt_tokens":7,"completion_tokens":)" +
           std::to_string(tokens) + "}}";
  };
  at(20, choice(0, "a", 1));
  at(21, choice(1, "x", 1));
  at(30, choice(0, "b", 2));
  at(31, choice(1, "y", 3));
  at(32, R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5}})");
  answer.finish();
  EXPECT_THAT(arrivals(), ElementsAre("20:1", "21:1", "30:1", "31:2"));
  EXPECT_EQ(record.text, "ab");
  EXPECT_EQ(record.extra["further_choices"][0], "xy");
  EXPECT_EQ(record.output_tokens, 5);
}

TEST_F(AnswerTest, a_whole_response_has_no_first_token_time) {
  ASSERT_TRUE(
      parser.parse(R"({"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}],)"
                   R"("usage":{"prompt_tokens":3,"completion_tokens":2}})",
                   chunk));
  answer.add_whole(chunk, 50);
  answer.finish();
  EXPECT_EQ(record.text, "hi");
  EXPECT_FALSE(record.first_token_ns);
  EXPECT_EQ(record.last_token_ns, 50);
  EXPECT_EQ(record.output_tokens, 2);
  EXPECT_EQ(record.finish_reason, "stop");
}

TEST_F(AnswerTest, begins_anew_without_anything_of_the_last_one) {
  at(20, R"({"choices":[{"index":0,"delta":{"reasoning":"x"}}]})");
  RequestRecord second;
  answer.begin(second, 4);
  at(30, with_usage("a", 1));
  answer.finish();
  EXPECT_EQ(second.text, "a");
  EXPECT_EQ(second.first_token_ns, 30);
  EXPECT_TRUE(second.extra.empty()) << second.extra;
}

}  // namespace
}  // namespace aieb::server
