#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"

namespace aieb {

/// What tokenizer_config.json (or GGUF metadata) says beside the tokenizer itself.
struct TokenizerSettings {
  /// "bos_token", "eos_token", "unk_token", "pad_token", … → text; these names are also variables
  /// of the chat template.
  std::map<std::string, std::string> special_tokens;
  std::vector<Json> added_tokens;  ///< {"content", "special", "lstrip", …}, in id order
  /// Absent: tokenizer.json's own post-processor decides. transformers 5 replaces it as soon as
  /// the configuration names one of the two.
  std::optional<bool> add_bos_token;
  std::optional<bool> add_eos_token;
  bool clean_up_tokenization_spaces = false;
  bool clean_up_for_bpe = false;  ///< apply the clean-up to BPE models as well
};

/// From the content of tokenizer_config.json. Keys that are absent or null keep their default.
TokenizerSettings tokenizer_settings_from(const Json& tokenizer_config);

/// The post-processor that transformers builds from add_bos_token and add_eos_token, as it would
/// stand in tokenizer.json. Ids are those of the two tokens; a token without an id is not added.
Json bos_eos_post_processor(const TokenizerSettings& settings, std::optional<uint32_t> bos_id,
                            std::optional<uint32_t> eos_id);

/// transformers' `clean_up_tokenization`: no space before punctuation and English contractions.
std::string clean_up_tokenization(std::string text);

}  // namespace aieb
