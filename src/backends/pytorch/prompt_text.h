#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bridge/chat_template.h"
#include "bridge/tokenizer.h"
#include "config/config.h"
#include "core/request.h"
#include "engine/checkpoint/checkpoint.h"

namespace aieb {

/// Text on the way in and out of a model: chat template and tokenizer.
class PromptText {
 public:
  /// Throws ModelError when the tokenizer or the template does not parse, ConfigError when the
  /// scenario demands a template that the model does not have. `name` is named in messages.
  PromptText(const engine::TokenizerSource& source, const std::string& name,
             const ScenarioConfig& scenario);

  /// Token ids of a request: its messages through the chat template (no special tokens are added
  /// to what a template wrote, unless the scenario says so), else its plain prompt.
  [[nodiscard]] std::vector<int64_t> encode(const Request& request) const;

  /// Text of generated tokens without special tokens.
  [[nodiscard]] std::string decode(std::span<const int64_t> tokens) const;

  [[nodiscard]] bool uses_template() const { return template_.has_value(); }

 private:
  Tokenizer tokenizer_;
  std::optional<ChatTemplate> template_;
  bool add_special_tokens_ = true;
};

}  // namespace aieb
