#include "backends/vllm/ollama_body.h"

#include <optional>

#include <fmt/format.h>

namespace aieb::server {
namespace {

void no_effect(Notices& notices, const char* setting) {
  notices.add(fmt::format("{} has no effect: Ollama's API has no such thing", setting));
}

template <typename T>
void set_if(Json& options, const char* key, const std::optional<T>& value) {
  if (value) options[key] = *value;
}

Json options_of(const GenerationParams& params, Notices& notices) {
  Json options = {{"num_predict", params.max_new_tokens}};
  if (params.samples()) {
    set_if(options, "temperature", params.temperature);
    set_if(options, "top_p", params.top_p);
    set_if(options, "top_k", params.top_k);
    set_if(options, "min_p", params.min_p);
  } else {
    options["temperature"] = 0;
  }
  set_if(options, "repeat_penalty", params.repetition_penalty);
  set_if(options, "seed", params.seed);
  if (!params.stop.empty()) options["stop"] = params.stop;
  if (params.min_new_tokens > 0) no_effect(notices, "generate_kwargs.min_new_tokens");
  if (params.ignore_eos) no_effect(notices, "generate_kwargs.ignore_eos");
  if (params.num_return_sequences > 1) no_effect(notices, "generate_kwargs.num_return_sequences");
  return options;
}

Json messages_of(const Request& request, Notices& notices) {
  Json list = Json::array();
  for (const Message& message : request.messages) {
    list.push_back({{"role", message.role}, {"content", message.content}});
  }
  if (list.empty()) list.push_back({{"role", "user"}, {"content", request.prompt_text}});
  if (!request.response_prefix.empty()) {
    no_effect(notices, "The reasoning format's answer prefix");
  }
  return list;
}

/// Ollama's one switch for reasoning: on, off, or how much.
void add_reasoning(const Json& switches, Json& body, Notices& notices) {
  for (const auto& [key, value] : switches.items()) {
    if (key == "reasoning_effort" || key == "enable_thinking") {
      body["think"] = value;
    } else {
      no_effect(notices, "The reasoning format's template switch");
    }
  }
}

}  // namespace

std::string ollama_body(const Request& request, const std::string& model, bool chat,
                        Notices& notices) {
  Json body = {{"model", model}};
  if (chat) {
    body["messages"] = messages_of(request, notices);
    add_reasoning(request.template_kwargs, body, notices);
  } else {
    body["prompt"] = request.prompt_text + request.response_prefix;
    body["raw"] = true;
    if (!request.template_kwargs.empty()) {
      no_effect(notices, "The reasoning format's template switch");
    }
  }
  body["stream"] = true;
  body["options"] = options_of(request.params, notices);
  for (const auto& [key, value] : request.params.extra.items()) {
    if (key == "options" && value.is_object()) {
      body["options"].update(value);
    } else if (key == "reasoning_effort") {
      body["think"] = value;
    } else {
      body[key] = value;
    }
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace aieb::server
