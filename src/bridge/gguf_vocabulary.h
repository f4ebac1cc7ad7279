#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/json.h"

namespace aieb::gguf {

/// Values of `tokenizer.ggml.token_type`.
enum class TokenType { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kByte = 6 };

/// Tokens of a GGUF file as tokenizer.json spells them, in id order.
struct Vocabulary {
  std::vector<std::string> tokens;
  std::vector<int> types;                                   ///< empty when the file has none
  std::vector<std::pair<std::string, std::string>> merges;  ///< best first

  [[nodiscard]] TokenType type(size_t id) const {
    return id < types.size() ? static_cast<TokenType>(types[id]) : TokenType::kNormal;
  }
};

/// Byte-level BPE ("gpt2"): tokens spelled in GPT-2's byte alphabet, merges from the file.
/// Throws ModelError when a key is missing or has the wrong type.
Vocabulary read_byte_level(const Json& metadata);

/// SentencePiece ("llama"): merges from the file, else those that the scores imply: every way to
/// cut a token into two tokens, the best score first.
Vocabulary read_sentencepiece(const Json& metadata);

/// The value of "vocab": {"token": id, …}.
std::string vocab_json(const Vocabulary& vocabulary);

/// The value of "merges": [["a", "b"], …].
std::string merges_json(const Vocabulary& vocabulary);

}  // namespace aieb::gguf
