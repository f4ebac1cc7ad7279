#include "backends/vllm/chunk.h"

#include <string>

#include <gtest/gtest.h>

namespace aieb::server {
namespace {

struct ChunkTest : testing::Test {
  bool parse(const std::string& payload) {
    // Exactly as large as the payload: reading beyond it shows in a sanitizer.
    exact.assign(payload.begin(), payload.end());
    return parser.parse({exact.data(), exact.size()}, chunk);
  }
  std::vector<char> exact;
  ChunkParser parser;
  Chunk chunk;
};

TEST_F(ChunkTest, reads_the_role_chunk_as_no_text) {
  ASSERT_TRUE(parse(R"({"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""},)"
                    R"("logprobs":null,"finish_reason":null}],"prompt_token_ids":null})"));
  ASSERT_EQ(chunk.choices.size(), 1U);
  EXPECT_FALSE(chunk.choices[0].has_text());
  EXPECT_FALSE(chunk.usage);
}

TEST_F(ChunkTest, reads_text_with_escapes_and_multibyte_characters) {
  ASSERT_TRUE(parse(R"({"choices":[{"index":2,"delta":{"content":"a\n\u00e9\ud83d\ude00ü"}}]})"));
  EXPECT_EQ(chunk.choices[0].content, "a\né😀ü");
  EXPECT_EQ(chunk.choices[0].index, 2);
}

TEST_F(ChunkTest, reads_reasoning_under_both_names_once) {
  for (const char* payload :
       {R"({"choices":[{"delta":{"reasoning":"hm"}}]})",
        R"({"choices":[{"delta":{"reasoning_content":"hm"}}]})",
        R"({"choices":[{"delta":{"reasoning":"hm","reasoning_content":"hm"}}]})",
        R"({"choices":[{"delta":{"reasoning":"hm","reasoning_content":null}}]})"}) {
    ASSERT_TRUE(parse(payload)) << payload;
    EXPECT_EQ(chunk.choices[0].reasoning, "hm") << payload;
    EXPECT_TRUE(chunk.choices[0].has_text());
  }
}

TEST_F(ChunkTest, sees_tool_text_only_where_there_is_some) {
  ASSERT_TRUE(parse(R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","type":"function",)"
                    R"("function":{"name":"f","arguments":""}}]}}]})"));
  EXPECT_TRUE(chunk.choices[0].has_text());
  ASSERT_TRUE(parse(R"({"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{"}}]}}]})"));
  EXPECT_TRUE(chunk.choices[0].has_text());
  ASSERT_TRUE(parse(R"({"choices":[{"delta":{"tool_calls":[]}}]})"));
  EXPECT_FALSE(chunk.choices[0].has_text());
  ASSERT_TRUE(parse(R"({"choices":[{"delta":{"tool_calls":null,"content":null}}]})"));
  EXPECT_FALSE(chunk.choices[0].has_text());
}

TEST_F(ChunkTest, takes_a_count_that_cannot_be_for_unknown) {
  for (const char* count : {"-3", "1e300", "9223372036854775807", "1.5", "\"7\"", "null"}) {
    ASSERT_TRUE(
        parse(std::string(R"({"usage":{"prompt_tokens":4.0,"completion_tokens":)") + count + "}}"))
        << count;
    ASSERT_TRUE(chunk.usage) << count;
    EXPECT_EQ(chunk.usage->prompt_tokens, 4) << count;
    EXPECT_EQ(chunk.usage->completion_tokens, std::nullopt) << count;
  }
}

TEST_F(ChunkTest, reads_usage_with_and_without_choices_and_details) {
  ASSERT_TRUE(
      parse(R"({"choices":[],"usage":{"prompt_tokens":34,"total_tokens":50,)"
            R"("completion_tokens":16,"prompt_tokens_details":{"cached_tokens":32,)"
            R"("multimodal_tokens":null},"completion_tokens_details":{"reasoning_tokens":5}}})"));
  ASSERT_TRUE(chunk.usage);
  EXPECT_EQ(chunk.usage->prompt_tokens, 34);
  EXPECT_EQ(chunk.usage->completion_tokens, 16);
  EXPECT_EQ(chunk.usage->cached_tokens, 32);
  EXPECT_EQ(chunk.usage->reasoning_tokens, 5);
  ASSERT_TRUE(
      parse(R"({"usage":{"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":null},)"
            R"("choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]})"));
  EXPECT_EQ(chunk.usage->completion_tokens, 1);
  EXPECT_FALSE(chunk.usage->cached_tokens);
  EXPECT_EQ(chunk.choices[0].finish_reason, "stop");
  ASSERT_TRUE(parse(R"({"choices":[{"delta":{"content":"a"}}],"usage":null})"));
  EXPECT_FALSE(chunk.usage);
}

TEST_F(ChunkTest, counts_token_ids) {
  ASSERT_TRUE(parse(R"({"choices":[{"delta":{"content":"a"},"token_ids":[1,2,3]}]})"));
  EXPECT_EQ(chunk.choices[0].token_ids, 3);
  ASSERT_TRUE(parse(R"({"choices":[{"delta":{"content":"a"},"token_ids":null}]})"));
  EXPECT_FALSE(chunk.choices[0].token_ids);
}

TEST_F(ChunkTest, reads_completions_and_whole_messages) {
  ASSERT_TRUE(parse(R"({"choices":[{"index":0,"text":" a","finish_reason":"length"}]})"));
  EXPECT_EQ(chunk.choices[0].content, " a");
  ASSERT_TRUE(
      parse(R"({"choices":[{"message":{"role":"assistant","content":"b","reasoning":"r"}}]})"));
  EXPECT_EQ(chunk.choices[0].content, "b");
  EXPECT_EQ(chunk.choices[0].reasoning, "r");
}

TEST_F(ChunkTest, keeps_several_choices_apart) {
  ASSERT_TRUE(parse(R"({"choices":[{"index":0,"delta":{"content":"a"}},)"
                    R"({"index":1,"delta":{"content":"b"}}]})"));
  EXPECT_EQ(chunk.choices[0].content, "a");
  EXPECT_EQ(chunk.choices[1].content, "b");
}

TEST_F(ChunkTest, notices_errors_in_every_shape) {
  EXPECT_TRUE(parse(R"({"error":{"message":"boom","type":"x","param":null,"code":500}})"));
  EXPECT_TRUE(chunk.has_error);
  EXPECT_TRUE(parse(R"({"object":"error","message":"boom"})"));
  EXPECT_TRUE(chunk.has_error);
  EXPECT_TRUE(parse(R"({"choices":[],"error":null})"));
  EXPECT_FALSE(chunk.has_error);
}

TEST_F(ChunkTest, refuses_what_is_no_json_object) {
  for (const char* payload : {"", "nonsense", "[1]", "\"text\"",
                              "{\"choices\":[{\"delta\":{\"conte", "{\"choices\":[", "<html>"}) {
    EXPECT_FALSE(parse(payload)) << payload;
  }
}

TEST_F(ChunkTest, survives_fields_of_unexpected_types) {
  for (const char* payload :
       {R"({"choices":null})", R"({"choices":[{"delta":null,"index":null,"finish_reason":3}]})",
        R"({"choices":[{"delta":{"content":[{"type":"text"}],"tool_calls":{"a":1}}}]})",
        R"({"usage":[1],"choices":[]})", R"({"choices":[],"usage":{"prompt_tokens":null}})"}) {
    EXPECT_TRUE(parse(payload)) << payload;
  }
}

TEST(Fault, finds_the_message_in_every_shape) {
  const ServerFault vllm = read_fault(
      R"({"error":{"message":"max_tokens too large","type":"BadRequestError","param":"max_tokens","code":400}})");
  EXPECT_EQ(vllm.message, "max_tokens too large");
  EXPECT_EQ(vllm.param, "max_tokens");
  EXPECT_EQ(read_fault(R"({"error":"model not found"})").message, "model not found");
  EXPECT_EQ(read_fault(R"({"object":"error","message":"old style"})").message, "old style");
  EXPECT_EQ(read_fault(R"({"detail":"Not Found"})").message, "Not Found");
  EXPECT_EQ(read_fault(R"({"detail":[{"msg":"bad"}]})").message, R"([{"msg":"bad"}])");
  EXPECT_EQ(read_fault("upstream died").message, "upstream died");
  EXPECT_EQ(read_fault("").message, "");
}

}  // namespace
}  // namespace aieb::server
