#include "backends/vllm/adapt.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "core/text.h"

namespace aieb::server {
namespace {

bool contains_any(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

/// The server has no way to turn messages into a prompt.
bool lacks_template(const std::string& message) {
  return contains_any(
      message, {"chat template", "chat_template", "template not found", "does not support chat"});
}

bool lacks_route(int status, const std::string& message) {
  return status == 404 && (message == "not found" || message.empty());
}

bool too_old_for_stream_options(const std::string& message, const std::string& param) {
  return contains_any(param, {"stream_options"}) || contains_any(message, {"stream_options"});
}

}  // namespace

bool adapt(Dialect& dialect, const Dialect& used, int status, const ServerFault& fault,
           Notices& notices) {
  if (status < 400) return false;
  if (!(dialect == used)) return true;  // another request has found the way meanwhile
  const std::string message = lower_case(fault.message);
  const bool may_change = used.api == Api::kChat && !used.api_is_forced;
  if (may_change && (lacks_template(message) || lacks_route(status, message))) {
    dialect.api = Api::kCompletions;
    const std::string why =
        lacks_template(message)
            ? fmt::format("no chat template for this model ({})", fault.message.substr(0, 200))
            : "no page /chat/completions (HTTP 404)";
    notices.add(
        fmt::format("The server has {}: prompts are sent to /completions as they are. "
                    "scenario.use_chat_template: true or false fixes the choice",
                    why));
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
