#include "backends/vllm/request_body.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "backends/vllm/ollama_body.h"

namespace aieb::server {
namespace {

/// What vLLM and the servers that follow it read from the message list and the body to let the
/// model go on with an answer that was begun for it.
constexpr const char* kContinueKey = "continue_final_message";
constexpr const char* kGenerationPromptKey = "add_generation_prompt";
constexpr const char* kSaltKey = "cache_salt";

class BodyBuilder {
 public:
  BodyBuilder(const ServerProfile& profile, Notices& notices)
      : profile_(profile), notices_(notices) {}

  /// A parameter of OpenAI's API.
  template <typename T>
  void standard(const char* key, const T& value) {
    body_[key] = value;
  }

  /// A parameter that only vLLM and its kin know; left out elsewhere, with a notice.
  template <typename T>
  void extension(const char* key, const char* setting, const T& value) {
    if (profile_.vllm_parameters) {
      body_[key] = value;
      return;
    }
    // Where the setting has the parameter's own name, writing it there is what the user did.
    const bool other_name = fmt::format("generate_kwargs.{}", key) != setting;
    notices_.add(fmt::format(
        "{} has no effect: '{}' is not part of the API that backend.type {} promises. Use "
        "backend.type vllm if the server knows it{}",
        setting, key, profile_.type,
        other_name ? fmt::format(", or write {} itself into generate_kwargs", key) : ""));
  }

  template <typename T>
  void standard_if(const char* key, const std::optional<T>& value) {
    if (value) standard(key, *value);
  }
  template <typename T>
  void extension_if(const char* key, const char* setting, const std::optional<T>& value) {
    if (value) extension(key, setting, *value);
  }

  Json& json() { return body_; }

 private:
  const ServerProfile& profile_;
  Notices& notices_;
  Json body_ = Json::object();
};

Json message_list(const Request& request) {
  Json list = Json::array();
  for (const Message& message : request.messages) {
    list.push_back({{"role", message.role}, {"content", message.content}});
  }
  if (list.empty()) list.push_back({{"role", "user"}, {"content", request.prompt_text}});
  return list;
}

void add_chat(const Request& request, const ServerProfile& profile, BodyBuilder& body,
              Notices& notices) {
  Json messages = message_list(request);
  if (!request.response_prefix.empty()) {
    if (profile.vllm_parameters) {
      messages.push_back({{"role", "assistant"}, {"content", request.response_prefix}});
      body.standard(kGenerationPromptKey, false);
      body.standard(kContinueKey, true);
    } else {
      notices.add(
          fmt::format("The reasoning format's answer prefix has no effect: backend.type {} "
                      "cannot begin the answer for the model",
                      profile.type));
    }
  }
  body.standard("messages", messages);
  Json kwargs = request.template_kwargs;
  if (kwargs.contains("reasoning_effort")) {
    body.standard("reasoning_effort", kwargs["reasoning_effort"]);
    kwargs.erase("reasoning_effort");
  }
  if (!kwargs.empty()) {
    body.extension("chat_template_kwargs", "The reasoning format's template switch", kwargs);
  }
}

void add_prompt(const Request& request, BodyBuilder& body, Notices& notices) {
  body.standard("prompt", request.prompt_text + request.response_prefix);
  if (!request.template_kwargs.empty()) {
    notices.add(
        "The reasoning format's template switches have no effect: without a chat template the "
        "prompt goes to the model as it is");
  }
}

void add_sampling(const GenerationParams& params, BodyBuilder& body, Notices& notices) {
  if (params.samples()) {
    body.standard_if("temperature", params.temperature);
    body.standard_if("top_p", params.top_p);
    body.extension_if("top_k", "generate_kwargs.top_k", params.top_k);
    body.extension_if("min_p", "generate_kwargs.min_p", params.min_p);
  } else {
    body.standard("temperature", 0);
    if (params.temperature.value_or(0) > 0 || params.top_p || params.top_k || params.min_p) {
      notices.add(
          "Greedy decoding (do_sample: false): temperature, top_p, top_k and min_p are not used");
    }
  }
  body.extension_if("repetition_penalty", "generate_kwargs.repetition_penalty",
                    params.repetition_penalty);
  body.standard_if("seed", params.seed);
}

void add_lengths(const GenerationParams& params, const Dialect& dialect, BodyBuilder& body) {
  body.standard(dialect.max_completion_tokens ? "max_completion_tokens" : "max_tokens",
                params.max_new_tokens);
  if (params.min_new_tokens > 0) {
    body.extension("min_tokens", "generate_kwargs.min_new_tokens", params.min_new_tokens);
  }
  if (params.ignore_eos) body.extension("ignore_eos", "generate_kwargs.ignore_eos", true);
  if (!params.stop.empty()) body.standard("stop", params.stop);
  if (params.num_return_sequences > 1) body.standard("n", params.num_return_sequences);
}

/// Streamed unless the user's own keys say otherwise. vLLM refuses stream_options where they do.
void add_streaming(const Request& request, const ServerProfile& profile, const Dialect& dialect,
                   BodyBuilder& body) {
  body.standard("stream", true);
  const auto own = request.params.extra.find("stream");
  const bool streams = own == request.params.extra.end() || *own != false;
  if (!streams || !dialect.stream_options) return;
  Json options = {{"include_usage", true}};
  if (profile.continuous_usage) options["continuous_usage_stats"] = true;
  body.standard("stream_options", options);
}

}  // namespace

std::string_view name_of(Api api, const ServerProfile& profile) {
  if (profile.ollama_api) return api == Api::kChat ? "api/chat" : "api/generate";
  return api == Api::kChat ? "chat" : "completions";
}

std::string_view path_of(Api api, const ServerProfile& profile) {
  if (profile.ollama_api) return api == Api::kChat ? "/chat" : "/generate";
  return api == Api::kChat ? "/chat/completions" : "/completions";
}

std::string request_body(const Request& request, const std::string& model,
                         const ServerProfile& profile, const Dialect& dialect, Notices& notices) {
  if (profile.ollama_api) return ollama_body(request, model, dialect.api == Api::kChat, notices);
  BodyBuilder body(profile, notices);
  body.standard("model", model);
  if (dialect.api == Api::kChat) {
    add_chat(request, profile, body, notices);
  } else {
    add_prompt(request, body, notices);
  }
  add_streaming(request, profile, dialect, body);
  add_lengths(request.params, dialect, body);
  add_sampling(request.params, body, notices);
  body.extension_if("add_special_tokens", "scenario.add_special_tokens",
                    dialect.add_special_tokens);
  // Keys that only the user knows of are sent as they are, and win.
  for (const auto& [key, value] : request.params.extra.items()) body.json()[key] = value;
  return body.json().dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string salted(const std::string& body, const std::string& salt, const Request& request,
                   const ServerProfile& profile) {
  if (salt.empty() || !profile.vllm_parameters || request.params.extra.contains(kSaltKey)) {
    return body;
  }
  const std::string value = Json(salt).dump();
  std::string out;
  out.reserve(body.size() + value.size() + 16);
  out.append(body, 0, body.size() - 1);  // without the closing brace
  return out.append(",\"").append(kSaltKey).append("\":").append(value).append("}");
}

}  // namespace aieb::server
