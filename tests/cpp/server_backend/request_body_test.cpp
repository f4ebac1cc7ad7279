#include "backends/vllm/request_body.h"

#include <gtest/gtest.h>

#include "backends/vllm/adapt.h"
#include "core/error.h"

namespace aieb::server {
namespace {

struct BodyTest : testing::Test {
  BodyTest() {
    request.messages = {{"system", "be brief"}, {"user", "hi"}};
    request.prompt_text = "hi";
    request.params.max_new_tokens = 64;
  }
  Json body(const char* type = "vllm") {
    return Json::parse(request_body(request, "m", server_profile(type), dialect, notices));
  }
  Request request;
  Dialect dialect;
  Notices notices;
};

TEST_F(BodyTest, is_a_streamed_greedy_chat_by_default) {
  const Json json = body();
  EXPECT_EQ(json["model"], "m");
  EXPECT_EQ(json["messages"][0]["role"], "system");
  EXPECT_EQ(json["messages"][1]["content"], "hi");
  EXPECT_EQ(json["stream"], true);
  EXPECT_EQ(json["stream_options"]["include_usage"], true);
  EXPECT_EQ(json["stream_options"]["continuous_usage_stats"], true);
  EXPECT_EQ(json["max_tokens"], 64);
  EXPECT_EQ(json["temperature"], 0);
  EXPECT_FALSE(json.contains("top_p"));
  EXPECT_FALSE(json.contains("min_tokens"));
  EXPECT_TRUE(notices.all().empty());
}

TEST_F(BodyTest, puts_every_parameter_at_top_level_for_vllm) {
  GenerationParams& p = request.params;
  p.min_new_tokens = 8;
  p.temperature = 0.7;
  p.top_p = 0.9;
  p.top_k = 40;
  p.min_p = 0.05;
  p.repetition_penalty = 1.1;
  p.seed = 42;
  p.stop = {"\n", "END"};
  p.ignore_eos = true;
  p.num_return_sequences = 2;
  p.extra = {{"presence_penalty", 0.5}, {"return_token_ids", true}};
  const Json json = body();
  EXPECT_EQ(json["min_tokens"], 8);
  EXPECT_EQ(json["temperature"], 0.7);
  EXPECT_EQ(json["top_p"], 0.9);
  EXPECT_EQ(json["top_k"], 40);
  EXPECT_EQ(json["min_p"], 0.05);
  EXPECT_EQ(json["repetition_penalty"], 1.1);
  EXPECT_EQ(json["seed"], 42);
  EXPECT_EQ(json["stop"], Json({"\n", "END"}));
  EXPECT_EQ(json["ignore_eos"], true);
  EXPECT_EQ(json["n"], 2);
  EXPECT_EQ(json["presence_penalty"], 0.5);
  EXPECT_EQ(json["return_token_ids"], true);
  EXPECT_FALSE(json.contains("extra_body"));
  EXPECT_TRUE(notices.all().empty());
}

TEST_F(BodyTest, sends_only_standard_keys_to_openai_with_one_notice_each) {
  GenerationParams& p = request.params;
  p.min_new_tokens = 8;
  p.temperature = 0.7;
  p.top_k = 40;
  p.min_p = 0.05;
  p.repetition_penalty = 1.1;
  p.ignore_eos = true;
  request.template_kwargs = {{"enable_thinking", true}};
  for (const char* type : {"openai", "openai"}) {
    const Json json = body(type);
    for (const char* key : {"min_tokens", "top_k", "min_p", "repetition_penalty", "ignore_eos",
                            "chat_template_kwargs"}) {
      EXPECT_FALSE(json.contains(key)) << key;
    }
    EXPECT_EQ(json["temperature"], 0.7);
    EXPECT_FALSE(json["stream_options"].contains("continuous_usage_stats"));
  }
  EXPECT_EQ(notices.all().size(), 6U);
}

TEST_F(BodyTest, keys_that_only_the_user_knows_are_sent_to_every_server_and_win) {
  request.params.extra = {{"cache_prompt", false}, {"max_tokens", 5}};
  for (const char* type : {"vllm", "openai", "ollama"}) {
    const Json json = body(type);
    EXPECT_EQ(json["cache_prompt"], false);
    EXPECT_EQ(json["max_tokens"], 5);
  }
}

TEST_F(BodyTest, asks_for_no_stream_options_where_the_user_wants_no_stream) {
  request.params.extra = {{"stream", false}};
  EXPECT_EQ(body()["stream"], false);
  EXPECT_FALSE(body().contains("stream_options"));
  request.params.extra = {{"stream", true}};
  EXPECT_TRUE(body().contains("stream_options"));
}

TEST_F(BodyTest, does_not_advise_to_write_what_the_user_has_written) {
  request.params.ignore_eos = true;
  body("openai");
  ASSERT_EQ(notices.all().size(), 1U);
  EXPECT_EQ(notices.all()[0].find("itself into generate_kwargs"), std::string::npos);
  request.params = {};
  request.params.min_new_tokens = 8;
  body("openai");
  ASSERT_EQ(notices.all().size(), 2U);
  EXPECT_NE(notices.all()[1].find("write min_tokens itself into generate_kwargs"),
            std::string::npos);
}

TEST_F(BodyTest, follows_the_sampling_rule) {
  request.params.top_k = 5;
  EXPECT_FALSE(body().contains("temperature"));  // sampling at the server's own temperature
  request.params.do_sample = false;
  EXPECT_EQ(body()["temperature"], 0);
  EXPECT_FALSE(body().contains("top_k"));
  EXPECT_EQ(notices.all().size(), 1U);
  request.params = {};
  request.params.do_sample = true;
  EXPECT_FALSE(body().contains("temperature"));
}

TEST_F(BodyTest, sends_reasoning_where_vllm_reads_it) {
  request.template_kwargs = {{"reasoning_effort", "high"}, {"enable_thinking", true}};
  const Json json = body();
  EXPECT_EQ(json["reasoning_effort"], "high");
  EXPECT_EQ(json["chat_template_kwargs"], Json({{"enable_thinking", true}}));
  EXPECT_EQ(body("openai")["reasoning_effort"], "high");
}

TEST_F(BodyTest, lets_the_model_go_on_with_a_begun_answer) {
  request.response_prefix = "<think>";
  const Json json = body();
  EXPECT_EQ(json["messages"].back()["role"], "assistant");
  EXPECT_EQ(json["messages"].back()["content"], "<think>");
  EXPECT_EQ(json["continue_final_message"], true);
  EXPECT_EQ(json["add_generation_prompt"], false);
  EXPECT_TRUE(notices.all().empty());
  EXPECT_EQ(body("openai")["messages"].back()["role"], "user");
  EXPECT_EQ(notices.all().size(), 1U);
}

TEST_F(BodyTest, sends_the_plain_prompt_to_completions) {
  dialect.api = Api::kCompletions;
  request.response_prefix = " So";
  const Json json = body();
  EXPECT_EQ(json["prompt"], "hi So");
  EXPECT_FALSE(json.contains("messages"));
  EXPECT_EQ(json["max_tokens"], 64);
  EXPECT_EQ(path_of(dialect.api, server_profile("vllm")), "/completions");
}

TEST_F(BodyTest, replaces_bytes_that_are_no_utf8_instead_of_failing) {
  request.messages.back().content =
      "a\xFF"
      "b";
  EXPECT_EQ(body()["messages"][1]["content"],
            "a\xEF\xBF\xBD"
            "b");
}

TEST_F(BodyTest, says_special_tokens_only_when_the_user_did) {
  EXPECT_FALSE(body().contains("add_special_tokens"));
  dialect.add_special_tokens = false;
  EXPECT_EQ(body()["add_special_tokens"], false);
}

struct AdaptTest : testing::Test {
  bool refuse(int status, const std::string& message, const std::string& param = "") {
    return adapt(dialect, used, status, {message, param}, notices);
  }
  Dialect dialect;
  Dialect used;
  Notices notices;
};

TEST_F(AdaptTest, falls_back_to_completions_when_there_is_no_template) {
  EXPECT_TRUE(refuse(400,
                     "As of transformers v4.44, default chat template is no longer allowed, so "
                     "you must provide a chat template if the tokenizer does not define one."));
  EXPECT_EQ(dialect.api, Api::kCompletions);
  EXPECT_EQ(notices.all().size(), 1U);
}

TEST_F(AdaptTest, falls_back_when_the_server_has_no_chat_route) {
  EXPECT_TRUE(refuse(404, "Not Found"));
  EXPECT_EQ(dialect.api, Api::kCompletions);
}

TEST_F(AdaptTest, keeps_a_choice_that_the_user_made) {
  dialect.api_is_forced = used.api_is_forced = true;
  EXPECT_FALSE(refuse(400, "you must provide a chat template"));
  EXPECT_EQ(dialect.api, Api::kChat);
}

TEST_F(AdaptTest, takes_the_newer_name_of_max_tokens_and_drops_stream_options) {
  EXPECT_TRUE(refuse(400,
                     "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                     "'max_completion_tokens' instead."));
  EXPECT_TRUE(dialect.max_completion_tokens);
  used = dialect;
  EXPECT_TRUE(refuse(400, "Unrecognized request argument supplied: stream_options"));
  EXPECT_FALSE(dialect.stream_options);
}

TEST_F(AdaptTest, does_not_repeat_what_no_other_wording_helps) {
  EXPECT_FALSE(refuse(404, "The model `nope` does not exist."));
  EXPECT_FALSE(
      refuse(400, "max_tokens=5000 cannot be greater than max_model_len=2048", "max_tokens"));
  EXPECT_FALSE(refuse(500, "CUDA out of memory"));
  EXPECT_FALSE(refuse(0, "connection refused"));
}

TEST_F(AdaptTest, repeats_a_request_that_was_underway_while_another_found_the_way) {
  dialect.api = Api::kCompletions;
  EXPECT_TRUE(refuse(400, "you must provide a chat template"));
  EXPECT_TRUE(notices.all().empty());
}

TEST(Profile, knows_the_three_servers_and_no_other) {
  EXPECT_EQ(server_profile("vllm").health_path, "/health");
  EXPECT_EQ(server_profile("openai").health_path, "");
  EXPECT_EQ(server_profile("ollama").implied_tag, ":latest");
  EXPECT_THROW(server_profile("pytorch"), ConfigError);
}

}  // namespace
}  // namespace aieb::server
