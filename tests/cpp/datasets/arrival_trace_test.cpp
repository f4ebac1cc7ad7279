#include "datasets/arrival_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/support.h"
#include "core/error.h"

namespace aieb {
namespace {

using testing::HasSubstr;

constexpr int64_t kMs = 1'000'000;

class Trace : public testing::Test {
 protected:
  ArrivalTrace read(const std::string& text, const std::string& name = "t.csv") {
    return read_arrival_trace(folder_.write(name, text));
  }
  std::string error(const std::string& text) {
    try {
      read(text);
    } catch (const DataError& e) {
      return e.what();
    }
    return "no error";
  }
  test::TemporaryFolder folder_;
};

TEST_F(Trace, reads_azure_with_crlf_and_seven_decimals) {
  const ArrivalTrace trace = read(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
      "2023-11-16 18:15:46.6805900,374,44\r\n"
      "2023-11-16 18:15:50.9951690,396,109");
  EXPECT_EQ(trace.format, "azure");
  ASSERT_EQ(trace.requests.size(), 2U);
  EXPECT_EQ(trace.requests[0].offset_ns, 0);
  EXPECT_EQ(trace.requests[1].offset_ns, 4'314'579'000);
  EXPECT_EQ(trace.requests[1].input_tokens, 396);
  EXPECT_EQ(trace.requests[1].output_tokens, 109);
}

TEST_F(Trace, reads_dates_with_zone_across_midnight_and_leap_days) {
  const ArrivalTrace trace = read(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n"
      "2024-02-28T23:59:59.5+00:00,1,1\n2024-02-29 00:00:00+00:00,1,1\n2024-03-01 00:00:00,1,1\n");
  EXPECT_EQ(trace.requests[1].offset_ns, 500 * kMs);
  EXPECT_EQ(trace.requests[2].offset_ns, 86'400'500 * kMs);
}

TEST_F(Trace, reads_burstgpt_and_leaves_failed_requests_out) {
  const ArrivalTrace trace = read(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "45.25,GPT-4,1087,0,1087,API log\n"
      "118,ChatGPT,417,276,693,Conversation log\n");
  EXPECT_EQ(trace.format, "burstgpt");
  ASSERT_EQ(trace.requests.size(), 2U);
  EXPECT_EQ(trace.left_out, 1);
  EXPECT_EQ(trace.requests[1].offset_ns, 113'000 * kMs);
}

TEST_F(Trace, reads_mooncake_with_its_prefix_blocks) {
  const ArrivalTrace trace = read(
      R"({"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]})"
      "\n\n"
      R"({"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": [46, 2366]})"
      "\n",
      "t.jsonl");
  EXPECT_EQ(trace.format, "mooncake");
  ASSERT_EQ(trace.requests.size(), 2U);
  EXPECT_EQ(trace.requests[1].offset_ns, 3'053 * kMs);
  EXPECT_EQ(trace.requests[1].prefix_blocks, (std::vector<int64_t>{46, 2366}));
}

TEST_F(Trace, sorts_by_time) {
  const ArrivalTrace trace =
      read("Timestamp,Request tokens,Response tokens\n7,1,1\n3,2,2\n5,3,3\n");
  EXPECT_EQ(trace.requests[0].input_tokens, 2);
  EXPECT_EQ(trace.requests[2].offset_ns, 4'000 * kMs);
}

TEST_F(Trace, names_the_columns_it_knows_and_the_place_of_a_bad_value) {
  EXPECT_THAT(error("a,b\n1,2\n"), AllOf(HasSubstr("its columns are a, b"), HasSubstr("azure"),
                                         HasSubstr("Request tokens"), HasSubstr("input_length")));
  const std::string head = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  EXPECT_THAT(error(head + "2023-11-16 18:15:46,x,4\n"),
              AllOf(HasSubstr("row 1"), HasSubstr("'ContextTokens' must hold a number")));
  EXPECT_THAT(error(head + "2023-11-16 18:15:46,1.5,4\n"), HasSubstr("a number of tokens"));
  EXPECT_THAT(error(head + "2023-13-16 18:15:46,1,4\n"), HasSubstr("a date and time"));
  EXPECT_THAT(error(head + "yesterday,1,4\n"), HasSubstr("a date and time"));
  EXPECT_THAT(error(head), HasSubstr("holds no requests"));
  EXPECT_THAT(error(head + "2023-11-16 18:15:46,1\n"), HasSubstr("has 2 fields"));
  EXPECT_THAT(error("{\"timestamp\": 1,\n"), HasSubstr(":1: is not a JSON object"));
}

}  // namespace
}  // namespace aieb
