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
  /// For tokenizers without a post-processor of their own, i.e. from GGUF: like transformers 5,
  /// nothing beside a tokenizer.json is asked, whatever tokenizer_config.json says. Absent: false.
  std::optional<bool> add_bos_token;
  std::optional<bool> add_eos_token;
  bool clean_up_tokenization_spaces = false;
  bool clean_up_for_bpe = false;  ///< apply the clean-up to BPE models as well
};

/// From the content of tokenizer_config.json and, where that lists no added tokens (older
/// repositories), special_tokens_map.json. Absent files are null; absent keys keep their default.
TokenizerSettings tokenizer_settings_from(const Json& tokenizer_config,
                                          const Json& special_tokens_map = nullptr);

/// The post-processor that transformers builds from add_bos_token and add_eos_token, as it would
/// stand in tokenizer.json. Ids are those of the two tokens; a token without an id is not added.
Json bos_eos_post_processor(const TokenizerSettings& settings, std::optional<uint32_t> bos_id,
                            std::optional<uint32_t> eos_id);

/// transformers' `clean_up_tokenization`: no space before punctuation and English contractions.
std::string clean_up_tokenization(std::string text);

}  // namespace aieb
