#include "http/url.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace aieb::http {
namespace {

struct UrlCase {
  const char* text;
  const char* health;
  const char* models;
};

// A client that strips the characters "/v1" instead of the suffix turns :8001 into :800.
constexpr UrlCase kCases[] = {
    {"http://localhost:8000/v1", "http://localhost:8000/health", "http://localhost:8000/v1/models"},
    {"http://localhost:8001/v1", "http://localhost:8001/health", "http://localhost:8001/v1/models"},
    {"http://localhost:8001", "http://localhost:8001/health", "http://localhost:8001/v1/models"},
    {"http://localhost:8001/", "http://localhost:8001/health", "http://localhost:8001/v1/models"},
    {"http://localhost:8001/v1/", "http://localhost:8001/health",
     "http://localhost:8001/v1/models"},
    {"http://localhost:8001/v1//", "http://localhost:8001/health",
     "http://localhost:8001/v1/models"},
    {"http://10.0.0.1:1/v1", "http://10.0.0.1:1/health", "http://10.0.0.1:1/v1/models"},
    {"http://v1:8111/v1", "http://v1:8111/health", "http://v1:8111/v1/models"},
    {"localhost:11434", "http://localhost:11434/health", "http://localhost:11434/v1/models"},
    {"HTTP://LOCALHOST:8000/v1", "http://LOCALHOST:8000/health", "http://LOCALHOST:8000/v1/models"},
    {"https://api.example.com/v1", "https://api.example.com/health",
     "https://api.example.com/v1/models"},
    {"https://gw.example.com/team-a/v1", "https://gw.example.com/team-a/health",
     "https://gw.example.com/team-a/v1/models"},
    {"https://gw.example.com/team-a", "https://gw.example.com/team-a/health",
     "https://gw.example.com/team-a/v1/models"},
    {"https://gw.example.com/v1beta/openai/", "https://gw.example.com/health",
     "https://gw.example.com/v1beta/openai/models"},
    {"https://gw.example.com/api/paas/v4", "https://gw.example.com/api/paas/health",
     "https://gw.example.com/api/paas/v4/models"},
    {"http://[::1]:8000/v1", "http://[::1]:8000/health", "http://[::1]:8000/v1/models"},
    {"http://[2001:db8::7]", "http://[2001:db8::7]/health", "http://[2001:db8::7]/v1/models"},
    {"http://h:8000/v1/chat/completions", "http://h:8000/health", "http://h:8000/v1/models"},
    {"http://h:8000/health", "http://h:8000/health", "http://h:8000/v1/models"},
    {"https://h/openai/v1?api-version=2024-10-21", "https://h/openai/health?api-version=2024-10-21",
     "https://h/openai/v1/models?api-version=2024-10-21"},
    {"  http://h:8000/v1\n", "http://h:8000/health", "http://h:8000/v1/models"},
    {"unix:/run/vllm.sock", "http://localhost/health", "http://localhost/v1/models"},
    {"unix:///run/vllm.sock", "http://localhost/health", "http://localhost/v1/models"},
    {"http+unix://%2Frun%2Fvllm.sock/pre/v1", "http://localhost/pre/health",
     "http://localhost/pre/v1/models"},
};

TEST(Endpoint, derives_every_page_from_any_way_to_write_it) {
  for (const UrlCase& c : kCases) {
    const Endpoint endpoint = Endpoint::parse(c.text);
    EXPECT_EQ(endpoint.root_url("/health"), c.health) << c.text;
    EXPECT_EQ(endpoint.api_url("/models"), c.models) << c.text;
  }
}

TEST(Endpoint, finds_the_path_of_a_unix_socket) {
  for (const char* text : {"unix:/run/vllm.sock", "unix:///run/vllm.sock",
                           "http+unix://%2Frun%2Fvllm.sock/v1", "http+unix://%2frun%2fvllm.sock"}) {
    EXPECT_EQ(Endpoint::parse(text).unix_socket(), "/run/vllm.sock") << text;
  }
  EXPECT_EQ(Endpoint::parse("unix:/run/vllm.sock").display(), "unix:/run/vllm.sock");
}

TEST(Endpoint, knows_host_and_port) {
  const Endpoint v6 = Endpoint::parse("http://[::1]:8001/v1");
  EXPECT_EQ(v6.host(), "::1");
  EXPECT_EQ(v6.port(), 8001);
  EXPECT_EQ(Endpoint::parse("https://example.com").port(), 443);
  EXPECT_EQ(Endpoint::parse("example.com").port(), 80);
}

TEST(Endpoint, knows_which_hosts_are_this_one) {
  for (const char* text :
       {"localhost:1", "127.0.0.1:1", "127.1.2.3:1", "http://[::1]:1", "unix:/s"}) {
    EXPECT_TRUE(Endpoint::parse(text).is_loopback()) << text;
  }
  for (const char* text : {"example.com", "128.0.0.1", "http://[::2]", "localhost.example.com"}) {
    EXPECT_FALSE(Endpoint::parse(text).is_loopback()) << text;
  }
}

TEST(Endpoint, refuses_what_is_no_endpoint_and_says_how_to_write_one) {
  for (const char* text :
       {"", "   ", "http://", "http://host:99999/v1", "http://host:port/v1", "ftp://host/v1",
        "http://ho st/v1", "unix:", "unix:relative.sock", "http://host:0/v1", "http://[::1/v1"}) {
    try {
      Endpoint::parse(text);
      ADD_FAILURE() << "accepted '" << text << "'";
    } catch (const ConfigError& e) {
      EXPECT_NE(std::string(e.what()).find("http://localhost:8000/v1"), std::string::npos)
          << e.what();
    }
  }
}

TEST(Endpoint, refuses_credentials_without_repeating_them) {
  try {
    Endpoint::parse("http://me:hunter2@host/v1");
    FAIL() << "accepted";
  } catch (const ConfigError& e) {
    EXPECT_EQ(std::string(e.what()).find("hunter2"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("OPENAI_API_KEY"), std::string::npos);
  }
}

TEST(Endpoint, takes_a_named_path_for_the_base_of_an_api_without_a_version) {
  const auto native = Endpoint::parse("http://localhost:11434/api/").unversioned("/api");
  ASSERT_TRUE(native);
  EXPECT_EQ(native->api_url("/chat"), "http://localhost:11434/api/chat");
  EXPECT_EQ(native->root_url("/api/version"), "http://localhost:11434/api/version");
  const auto behind = Endpoint::parse("https://gw.example.com/team/api").unversioned("/api");
  ASSERT_TRUE(behind);
  EXPECT_EQ(behind->api_url("/tags"), "https://gw.example.com/team/api/tags");
  for (const char* other :
       {"http://localhost:11434", "http://localhost:11434/v1", "https://openrouter.ai/api/v1"}) {
    EXPECT_FALSE(Endpoint::parse(other).unversioned("/api")) << other;
  }
}

}  // namespace
}  // namespace aieb::http
