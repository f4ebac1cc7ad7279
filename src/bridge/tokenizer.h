#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/tokenizer_settings.h"
#include "core/json.h"

struct aieb_tokenizer;

namespace aieb {

/// A Hugging Face tokenizer: text ↔ token ids, exactly as the `tokenizers` library and
/// transformers 5 do it. Cheap to move; const members may be called from several threads.
class Tokenizer {
 public:
  /// `json`: content of a tokenizer.json; `name` is where it came from, for messages.
  /// Throws ModelError when it does not parse.
  static Tokenizer from_json(std::string_view json, const std::string& name,
                             TokenizerSettings settings = {});

  /// From tokenizer.json of a checkpoint folder, with tokenizer_config.json beside it if present.
  static Tokenizer from_folder(const std::string& folder);

  /// From the metadata of a GGUF file (see tokenizer_json_from_gguf).
  static Tokenizer from_gguf(const Json& metadata, const std::string& name);

  /// `add_special_tokens`: what the post-processor adds, e.g. BOS. False for text that a chat
  /// template rendered. Special tokens written out in the text become their ids either way.
  [[nodiscard]] std::vector<uint32_t> encode(std::string_view text, bool add_special_tokens) const;

  /// Bytes that are no UTF-8 come out as U+FFFD. Unknown ids are left out.
  [[nodiscard]] std::string decode(std::span<const uint32_t> ids, bool skip_special_tokens) const;

  [[nodiscard]] std::optional<uint32_t> token_to_id(std::string_view token) const;
  [[nodiscard]] std::optional<std::string> id_to_token(uint32_t id) const;

  /// Largest id + 1, added tokens included. A model's embedding may be padded beyond it.
  [[nodiscard]] size_t vocab_size() const { return vocab_size_; }

  [[nodiscard]] const TokenizerSettings& settings() const { return settings_; }

  /// Ids of the named tokens, absent when the settings name none or the vocabulary lacks it.
  [[nodiscard]] std::optional<uint32_t> bos_id() const { return named_id("bos_token"); }
  [[nodiscard]] std::optional<uint32_t> eos_id() const { return named_id("eos_token"); }
  [[nodiscard]] std::optional<uint32_t> pad_id() const { return named_id("pad_token"); }

 private:
  struct Free {
    void operator()(aieb_tokenizer* handle) const;
  };

  Tokenizer() = default;
  void apply_settings();
  [[nodiscard]] std::optional<uint32_t> named_id(const std::string& name) const;

  std::unique_ptr<aieb_tokenizer, Free> handle_;
  TokenizerSettings settings_;
  size_t vocab_size_ = 0;
  bool cleans_up_ = false;
};

/// tokenizer.json made from GGUF metadata: a JSON object of the file's key-value pairs with
/// `tokenizer.ggml.*` in it (arrays as arrays). Supports the models "gpt2" (byte-level BPE) and
/// "llama" (SentencePiece BPE with scores). Throws ModelError naming the key otherwise.
std::string tokenizer_json_from_gguf(const Json& metadata);

/// The settings that the same metadata implies: special tokens, BOS and EOS rules.
TokenizerSettings tokenizer_settings_from_gguf(const Json& metadata);

}  // namespace aieb
