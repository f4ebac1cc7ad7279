#include "backends/vllm/body_cache.h"

#include <gtest/gtest.h>

#include "core/json.h"

namespace aieb::server {
namespace {

Request asking(const std::string& text) {
  Request request;
  request.messages = {{"user", text}};
  return request;
}

struct BodyCacheTest : testing::Test {
  Notices notices;
  BodyCache cache{"m", server_profile("vllm"), notices, true};
  Dialect chat;
};

TEST_F(BodyCacheTest, writes_a_repeated_request_once) {
  const Request request = asking("a");
  const Body first = cache.write(0, request, "", chat);
  EXPECT_EQ(cache.write(0, request, "", chat), first) << "the same bytes, not a copy";
  EXPECT_NE(cache.write(1, asking("b"), "", chat), first);
}

TEST_F(BodyCacheTest, adds_a_salt_without_changing_anything_else) {
  const Request request = asking("a \"quoted\" text");
  const Json plain = Json::parse(*cache.write(0, request, "", chat));
  Json salted = Json::parse(*cache.write(0, request, "s-1\"x", chat));
  EXPECT_EQ(salted["cache_salt"], "s-1\"x");
  salted.erase("cache_salt");
  EXPECT_EQ(salted, plain);
}

TEST_F(BodyCacheTest, leaves_the_users_own_salt_alone) {
  Request request = asking("a");
  request.params.extra["cache_salt"] = "mine";
  EXPECT_EQ(Json::parse(*cache.write(0, request, "ours", chat))["cache_salt"], "mine");
}

TEST_F(BodyCacheTest, speaks_the_dialect_that_is_asked_for_and_keeps_bodies_in_flight) {
  const Request request = asking("a");
  const Body before = cache.write(0, request, "", chat);
  Dialect completions;
  completions.api = Api::kCompletions;
  EXPECT_TRUE(Json::parse(*cache.write(0, request, "", completions)).contains("prompt"));
  EXPECT_TRUE(Json::parse(*before).contains("messages")) << "what is being sent lives on";
}

TEST(BodyCache, adds_no_salt_for_servers_that_know_none) {
  Notices notices;
  BodyCache cache("m", server_profile("openai"), notices, true);
  EXPECT_FALSE(Json::parse(*cache.write(0, asking("a"), "s", {})).contains("cache_salt"));
}

}  // namespace
}  // namespace aieb::server
