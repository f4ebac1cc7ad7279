#include "backends/vllm/server_tokenizer.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "backends/vllm/chunk.h"
#include "backends/vllm/client_setup.h"
#include "core/error.h"

namespace aieb {
namespace {

constexpr int64_t kTimeoutNs = 30'000'000'000;

class ServerTokenCounter final : public TokenCounter {
 public:
  ServerTokenCounter(const BackendConfig& backend, const ScenarioConfig& scenario)
      : model_(backend.model),
        endpoint_(http::Endpoint::parse(backend.endpoint)),
        url_(endpoint_.root_url("/tokenize")),
        client_(server::client_options(backend, scenario.timeouts, endpoint_,
                                       server::server_profile(backend.type))),
        template_is_forced_(scenario.use_chat_template == "true"),
        chat_(scenario.use_chat_template != "false") {
    if (scenario.add_special_tokens != "auto") {
      add_special_tokens_ = scenario.add_special_tokens == "true";
    }
    Request probe;
    probe.messages = {{"user", "hello"}};
    probe.prompt_text = probe.messages.front().content;
    count(probe);
  }

  int64_t count(const Request& request) override {
    http::FetchResult result = ask(request);
    // A base model has no template: its prompts are sent as they are.
    if (chat_ && !template_is_forced_ && result.outcome.status == 400) {
      chat_ = false;
      result = ask(request);
    }
    const Json json = Json::parse(result.body, nullptr, false);
    const bool counted = result.outcome.status == 200 && json.is_object() &&
                         json.contains("count") && json["count"].is_number_integer();
    if (!counted) fail(result);
    return json["count"].get<int64_t>();
  }

  [[nodiscard]] std::string name() const override { return "the tokenizer of " + url_; }

 private:
  http::FetchResult ask(const Request& request) {
    Json body = {{"model", model_}};
    if (chat_) {
      Json messages = Json::array();
      for (const Message& message : request.messages) {
        messages.push_back({{"role", message.role}, {"content", message.content}});
      }
      body["messages"] = messages;
      body["add_generation_prompt"] = true;
      if (!request.template_kwargs.empty()) body["chat_template_kwargs"] = request.template_kwargs;
    } else {
      body["prompt"] = request.prompt_text;
    }
    if (add_special_tokens_) body["add_special_tokens"] = *add_special_tokens_;
    const std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    return client_.fetch({url_, text, kTimeoutNs});
  }

  [[noreturn]] void fail(const http::FetchResult& result) const {
    if (result.outcome.error != http::ErrorClass::kNone) {
      throw ServerError(fmt::format("POST {}: {}", url_, result.outcome.message));
    }
    throw ServerError(fmt::format("POST {} gives HTTP {} {}", url_, result.outcome.status,
                                  server::read_fault(result.body).message.substr(0, 300)));
  }

  std::string model_;
  http::Endpoint endpoint_;
  std::string url_;
  http::Client client_;
  bool template_is_forced_;
  bool chat_;
  std::optional<bool> add_special_tokens_;
};

}  // namespace

std::unique_ptr<TokenCounter> server_token_counter(const BackendConfig& backend,
                                                   const ScenarioConfig& scenario) {
  return std::make_unique<ServerTokenCounter>(backend, scenario);
}

}  // namespace aieb
