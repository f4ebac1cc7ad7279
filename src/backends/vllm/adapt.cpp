#include "backends/vllm/adapt.h"

#include <algorithm>
#include <cctype>
#include <string>

#include <fmt/format.h>

namespace aieb::server {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool contains_any(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

/// The server has no way to turn messages into a prompt.
bool lacks_chat(int status, const std::string& message) {
  if (contains_any(message, {"chat template", "chat_template", "template not found",
                             "does not support chat"})) {
    return true;
  }
  return status == 404 && (message == "not found" || message.empty());  // no such route
}

bool too_old_for_stream_options(const std::string& message, const std::string& param) {
  return contains_any(param, {"stream_options"}) || contains_any(message, {"stream_options"});
}

}  // namespace

bool adapt(Dialect& dialect, const Dialect& used, int status, const ServerFault& fault,
           Notices& notices) {
  if (status < 400) return false;
  if (!(dialect == used)) return true;  // another request has found the way meanwhile
  const std::string message = lower(fault.message);
  if (used.api == Api::kChat && !used.api_is_forced && lacks_chat(status, message)) {
    dialect.api = Api::kCompletions;
    notices.add(
        fmt::format("The server has no chat template for this model ({}): prompts are sent "
                    "to /v1/completions as they are. scenario.use_chat_template: true or "
                    "false fixes the choice",
                    fault.message.substr(0, 200)));
  } else if (!used.max_completion_tokens && contains_any(message, {"max_completion_tokens"})) {
    dialect.max_completion_tokens = true;
    notices.add("The server wants max_completion_tokens instead of max_tokens: sent so");
  } else if (used.stream_options && too_old_for_stream_options(message, fault.param)) {
    dialect.stream_options = false;
    notices.add(
        "The server refuses stream_options: it sends no token counts, so tokens are unknown");
  } else {
    return false;
  }
  return true;
}

}  // namespace aieb::server
