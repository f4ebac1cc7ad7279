#include "backends/pytorch/prompt_text.h"

#include "core/error.h"

namespace aieb {
namespace {

Tokenizer open_tokenizer(const engine::TokenizerSource& source, const std::string& name) {
  return source.folder.empty() ? Tokenizer::from_gguf(source.gguf_metadata, name)
                               : Tokenizer::from_folder(source.folder);
}

std::optional<ChatTemplate> open_template(const engine::TokenizerSource& source,
                                          const ScenarioConfig& scenario) {
  if (scenario.use_chat_template == "false") return std::nullopt;
  auto found = source.folder.empty() ? chat_template_from_gguf(source.gguf_metadata)
                                     : load_chat_template(source.folder);
  if (!found && scenario.use_chat_template == "true") {
    throw ConfigError(
        "scenario.use_chat_template is true, but the model has no chat template; "
        "set it to auto or false");
  }
  return found;
}

}  // namespace

PromptText::PromptText(const engine::TokenizerSource& source, const std::string& name,
                       const ScenarioConfig& scenario)
    : tokenizer_(open_tokenizer(source, name)), template_(open_template(source, scenario)) {
  const std::string& rule = scenario.add_special_tokens;
  add_special_tokens_ = rule == "auto" ? !template_.has_value() : rule == "true";
}

std::vector<int64_t> PromptText::encode(const Request& request) const {
  std::string text = request.prompt_text;
  if (template_) {
    const Json variables = template_variables(tokenizer_.settings(), /*add_generation_prompt=*/true,
                                              request.template_kwargs);
    text = template_->render(request.messages, variables);
  }
  const auto ids = tokenizer_.encode(text + request.response_prefix, add_special_tokens_);
  return {ids.begin(), ids.end()};
}

std::string PromptText::decode(std::span<const int64_t> tokens) const {
  const std::vector<uint32_t> ids(tokens.begin(), tokens.end());
  return tokenizer_.decode(ids, /*skip_special_tokens=*/true);
}

}  // namespace aieb
