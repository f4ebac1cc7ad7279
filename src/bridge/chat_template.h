#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/tokenizer_settings.h"
#include "core/json.h"
#include "core/request.h"

struct aieb_template;

namespace aieb {

/// A Jinja chat template, rendered as transformers' apply_chat_template renders it. Const members
/// may be called from several threads.
class ChatTemplate {
 public:
  /// `name` is where the template came from, for messages. Throws ModelError on a syntax error.
  ChatTemplate(std::string source, const std::string& name);

  /// `variables`: a JSON object with everything the template sees beside `messages`: special-token
  /// names (see template_variables), `add_generation_prompt`, and switches such as
  /// `enable_thinking`. `now_s`: what strftime_now() sees, seconds since the epoch; absent: now.
  /// Throws ModelError with the template's own words when it calls raise_exception.
  [[nodiscard]] std::string render(const std::vector<Message>& messages, const Json& variables,
                                   std::optional<int64_t> now_s = std::nullopt) const;

  /// The same for messages of any form, e.g. with tool calls or content parts.
  [[nodiscard]] std::string render(const Json& messages, const Json& variables,
                                   std::optional<int64_t> now_s = std::nullopt) const;

  [[nodiscard]] const std::string& source() const { return source_; }

  /// Whether the template's text mentions a variable, e.g. `enable_thinking`: if not, setting it
  /// has no effect.
  [[nodiscard]] bool mentions(const std::string& variable) const;

 private:
  struct Free {
    void operator()(aieb_template* handle) const;
  };
  std::string source_;
  std::string name_;
  std::unique_ptr<aieb_template, Free> handle_;
};

/// What transformers gives a template: the special tokens under their names (bos_token, …),
/// add_generation_prompt, tools and documents (none), then `switches` (template_kwargs of a
/// request), which win.
Json template_variables(const TokenizerSettings& settings, bool add_generation_prompt,
                        const Json& switches = Json::object());

/// The template of a checkpoint folder, or nothing when the model has none (a base model).
/// chat_template.jinja wins over chat_template.json and over `chat_template` in
/// tokenizer_config.json, which is a text or a list of {"name", "template"}. Of several, `name` is
/// taken; without one "default". Throws ModelError when a named template does not exist, listing
/// those that do.
std::optional<ChatTemplate> load_chat_template(const std::string& folder,
                                               const std::string& name = "");

/// `tokenizer.chat_template` (or `tokenizer.chat_template.NAME`) of GGUF metadata.
std::optional<ChatTemplate> chat_template_from_gguf(const Json& metadata,
                                                    const std::string& name = "");

}  // namespace aieb
