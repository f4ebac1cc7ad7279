#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "backends/vllm/server_probe.h"
#include "core/error.h"
#include "server_backend/support.h"

namespace aieb::server {
namespace {

using testing::HasSubstr;

/// Sets a variable for the life of the object.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

/// The message of the ServerError that validating `config` throws; empty: it is fine.
std::string complaint(const BackendConfig& config) {
  const auto backend = make_server_backend(config, {});
  try {
    backend->validate();
  } catch (const ServerError& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kServer);
    return error.what();
  }
  return {};
}

bool no_answer(const ReceivedRequest&, Connection& c) { return c.respond(404, "{}"); }

TEST(ServerValidate, accepts_a_healthy_server_that_serves_the_model) {
  FakeVllm server(no_answer);
  const auto backend = make_server_backend(backend_for(*server), {});
  backend->validate();
  const BackendInfo info = backend->info();
  EXPECT_EQ(info.type, "vllm");
  EXPECT_EQ(info.engine, "server");
  EXPECT_FALSE(info.in_process);
  EXPECT_EQ(info.endpoint, server->url("/v1"));
  EXPECT_EQ(info.details["server_version"], "0.24.0");
  EXPECT_EQ(info.details["max_model_len"], 2048);
  EXPECT_EQ(info.details["address"], "127.0.0.1");
}

TEST(ServerValidate, names_the_proxy_through_which_it_asked) {
  const Variable proxy("http_proxy", "http://127.0.0.1:1");
  BackendConfig config;
  config.type = "vllm";
  config.model = "fake-model";
  config.endpoint = "http://192.0.2.1:8000/v1";
  const std::string text = complaint(config);
  EXPECT_THAT(text, HasSubstr("http_proxy is set"));
  EXPECT_THAT(text, HasSubstr("no_proxy names 192.0.2.1"));
}

TEST(ServerValidate, accepts_every_way_to_write_the_endpoint) {
  FakeVllm server(no_answer);
  for (const char* path : {"", "/", "/v1", "/v1/", "/v1/chat/completions"}) {
    BackendConfig config = backend_for(*server);
    config.endpoint = server->url(path);
    EXPECT_EQ(complaint(config), "") << path;
  }
}

TEST(ServerValidate, says_what_was_tried_and_how_to_start_a_server) {
  BackendConfig config;
  config.model = "org/model";
  const int port = testing_support::closed_port();
  config.endpoint = "http://127.0.0.1:" + std::to_string(port) + "/v1";
  const std::string text = complaint(config);
  EXPECT_THAT(text, HasSubstr(config.endpoint));
  EXPECT_THAT(text, HasSubstr("/health"));
  EXPECT_THAT(text, HasSubstr("vllm serve org/model --port " + std::to_string(port)));
  EXPECT_THAT(text, HasSubstr("VLLM_ENDPOINT"));
}

TEST(ServerValidate, tells_how_a_container_gets_the_name_of_its_host) {
  BackendConfig config;
  config.endpoint = "http://host.docker.internal.invalid:8000/v1";
  EXPECT_THAT(complaint(config), HasSubstr("--add-host host.docker.internal:host-gateway"));
  config.endpoint = "http://my-server.invalid:8000/v1";
  EXPECT_THAT(complaint(config), HasSubstr("check its spelling"));
}

TEST(ServerValidate, lists_the_servers_models_with_the_nearest_marked) {
  ScriptServer server([](const ReceivedRequest& q, Connection& c) {
    if (q.path != "/v1/models") return c.respond(200, "");
    return c.respond(200, R"({"data":[{"id":"meta/llama-70b"},{"id":"openai/gpt-oss-20b"}]})");
  });
  BackendConfig config = backend_for(server);
  config.model = "openai/gpt-oss-120b";
  const std::string text = complaint(config);
  EXPECT_THAT(text, HasSubstr("does not serve 'openai/gpt-oss-120b'"));
  EXPECT_THAT(text, HasSubstr("meta/llama-70b\n"));
  EXPECT_THAT(text, HasSubstr("openai/gpt-oss-20b   <- most like it"));
}

TEST(ServerValidate, tells_a_loading_server_from_a_dead_one) {
  ScriptServer server(
      [](const ReceivedRequest&, Connection& c) { return c.respond(503, "loading"); });
  const std::string text = complaint(backend_for(server));
  EXPECT_THAT(text, HasSubstr("not healthy"));
  EXPECT_THAT(text, HasSubstr("HTTP 503"));
  EXPECT_THAT(text, HasSubstr("loading"));
}

TEST(ServerValidate, names_the_key_variables_when_access_is_refused) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    return c.respond(401, R"({"error":"Unauthorized"})");
  });
  const std::string text = complaint(backend_for(server, "openai"));
  EXPECT_THAT(text, HasSubstr("OPENAI_API_KEY"));
  EXPECT_THAT(text, HasSubstr("Unauthorized"));
}

TEST(ServerValidate, recognises_what_is_no_api) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    return c.respond(200, "<html>nginx</html>", "text/html");
  });
  EXPECT_THAT(complaint(backend_for(server)), HasSubstr("not an OpenAI-compatible API"));
}

TEST(ServerValidate, goes_on_without_health_or_model_list_where_there_is_none) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    return c.respond(404, R"({"detail":"Not Found"})");
  });
  const auto backend = make_server_backend(backend_for(server), {});
  backend->validate();
  EXPECT_EQ(backend->info().details["notices"].size(), 2U);
}

TEST(ServerValidate, asks_openai_and_ollama_for_no_health) {
  FakeVllm server(no_answer);
  for (const char* type : {"openai", "ollama"}) {
    EXPECT_EQ(complaint(backend_for(*server, type)), "");
  }
  for (const ReceivedRequest& q : server->requests()) EXPECT_NE(q.path, "/health");
}

TEST(ServerValidate, knows_that_ollama_means_latest) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    return c.respond(200, R"({"data":[{"id":"llama3:latest"}]})");
  });
  BackendConfig config = backend_for(server, "ollama");
  config.model = "llama3";
  EXPECT_EQ(complaint(config), "");
}

TEST(ServerValidate, sends_the_key_of_the_environment_unless_the_user_wrote_a_header) {
  const Variable key("VLLM_API_KEY", "secret-1");
  const Variable other("OPENAI_API_KEY", "secret-2");
  FakeVllm server(no_answer);
  BackendConfig config = backend_for(*server);
  complaint(config);
  EXPECT_THAT(server->requests().back().head, HasSubstr("Authorization: Bearer secret-1"));
  config.type = "openai";
  complaint(config);
  EXPECT_THAT(server->requests().back().head, HasSubstr("Authorization: Bearer secret-2"));
  config.headers = {{"authorization", "Basic abc"}, {"X-Team", "a"}};
  complaint(config);
  EXPECT_THAT(server->requests().back().head, HasSubstr("authorization: Basic abc"));
  EXPECT_THAT(server->requests().back().head, HasSubstr("X-Team: a"));
  EXPECT_THAT(server->requests().back().head, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(make_server_backend(config, {})->info().details.dump(),
              testing::Not(HasSubstr("secret")));
}

TEST(ServerValidate, takes_a_key_as_a_file_has_it) {
  const Variable key("VLLM_API_KEY", " secret-1\r\n");
  FakeVllm server(no_answer);
  complaint(backend_for(*server));
  EXPECT_THAT(server->requests().back().head, testing::EndsWith("Authorization: Bearer secret-1"));
}

TEST(ServerValidate, refuses_headers_that_would_become_others) {
  FakeVllm server(no_answer);
  const auto refusal = [&](const std::string& name, const std::string& value) -> std::string {
    BackendConfig config = backend_for(*server);
    config.headers = {{name, value}};
    try {
      make_server_backend(config, {});
    } catch (const ConfigError& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_THAT(refusal("X-Bad", "a\r\nX-Inj: 1"), HasSubstr("backend.headers.X-Bad"));
  EXPECT_THAT(refusal("X-Bad", "a\nb"), HasSubstr("line end"));
  EXPECT_THAT(refusal("X Bad", "a"), HasSubstr("'X Bad' is no name"));
  EXPECT_THAT(refusal("", "a"), HasSubstr("is no name"));
  EXPECT_EQ(refusal("X-Team", "ä, \"quoted\"; q=1"), "");
  const Variable key("VLLM_API_KEY", "two\nlines");
  EXPECT_THAT(refusal("X-Team", "a"), HasSubstr("VLLM_API_KEY"));
}

TEST(ServerValidate, knows_that_ollama_always_lists_its_models) {
  ScriptServer server([](const ReceivedRequest&, Connection& c) {
    return c.respond(404, R"({"detail":"Not Found"})");
  });
  EXPECT_THAT(complaint(backend_for(server, "ollama")),
              HasSubstr("is not Ollama's API: GET " + server.url("/v1/models")));
}

TEST(ServerValidate, works_over_a_unix_socket) {
  const std::string path =
      testing::TempDir() + "aieb_backend_" + std::to_string(getpid()) + ".sock";
  FakeVllm server(no_answer, path);
  BackendConfig config;
  config.model = kModel;
  config.endpoint = "unix:" + path;
  EXPECT_EQ(complaint(config), "");
  unlink(path.c_str());
}

TEST(ServerAnswers, is_about_the_port_not_about_the_model) {
  FakeVllm server(no_answer);
  BackendConfig config = backend_for(*server);
  config.model = "something-else";
  EXPECT_TRUE(server_answers(config));
  config.endpoint = "http://127.0.0.1:" + std::to_string(testing_support::closed_port());
  EXPECT_FALSE(server_answers(config));
}

TEST(MostLike, prefers_the_same_name_then_the_same_last_part_then_the_nearest) {
  const std::vector<std::string> names = {"a/llama-8b", "b/Llama-70B-Instruct", "qwen2.5:7b"};
  EXPECT_EQ(most_like("B/LLAMA-70b-instruct", names), "b/Llama-70B-Instruct");
  EXPECT_EQ(most_like("other/llama-8b", names), "a/llama-8b");
  EXPECT_EQ(most_like("qwen2.5", names), "qwen2.5:7b");
  EXPECT_EQ(most_like("qwen2.5:14b", names), "qwen2.5:7b");
  EXPECT_EQ(most_like("x", {}), "");
}

}  // namespace
}  // namespace aieb::server
