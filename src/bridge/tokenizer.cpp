#include "bridge/tokenizer.h"

#include <filesystem>

#include "bridge/files.h"
#include "bridge/rust_call.h"
#include "core/error.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;
using bridge::read_file;
using bridge::take;
using bridge::take_error;
using bridge::view;

void check(aieb_text error, const char* what) {
  if (const std::string message = take_error(error); !message.empty()) {
    throw ModelError(std::string("tokenizer: ") + what + ": " + message);
  }
}

}  // namespace

void Tokenizer::Free::operator()(aieb_tokenizer* handle) const { aieb_tokenizer_free(handle); }

Tokenizer Tokenizer::from_json(std::string_view json, const std::string& name,
                               TokenizerSettings settings) {
  aieb_tokenizer* handle = nullptr;
  const std::string error = take_error(aieb_tokenizer_parse(view(json), &handle));
  if (!error.empty()) {
    throw ModelError(name + ": not a usable tokenizer (" + error +
                     "). The file may be damaged or incomplete: fetch it again.");
  }
  Tokenizer tokenizer;
  tokenizer.handle_.reset(handle);
  tokenizer.settings_ = std::move(settings);
  tokenizer.apply_settings();
  return tokenizer;
}

Tokenizer Tokenizer::from_folder(const std::string& folder) {
  const fs::path path = fs::path(folder) / "tokenizer.json";
  if (!fs::exists(path)) {
    throw ModelError(folder +
                     ": no tokenizer.json. Repositories with only tokenizer.model or vocab.json "
                     "need it converted: transformers.AutoTokenizer.from_pretrained(FOLDER)"
                     ".save_pretrained(FOLDER)");
  }
  TokenizerSettings settings;
  const fs::path config = fs::path(folder) / "tokenizer_config.json";
  if (fs::exists(config)) {
    try {
      settings = tokenizer_settings_from(Json::parse(read_file(config)));
    } catch (const Json::exception& e) {
      throw ModelError(config.string() + ": " + e.what());
    }
  }
  return from_json(read_file(path), path.string(), std::move(settings));
}

Tokenizer Tokenizer::from_gguf(const Json& metadata, const std::string& name) {
  return from_json(tokenizer_json_from_gguf(metadata), name,
                   tokenizer_settings_from_gguf(metadata));
}

void Tokenizer::apply_settings() {
  aieb_text described{};
  check(aieb_tokenizer_describe(handle_.get(), &described), "describe");
  const Json facts = Json::parse(take(described));

  if (!settings_.added_tokens.empty()) {
    const std::string tokens = Json(settings_.added_tokens).dump();
    check(aieb_tokenizer_add_tokens(handle_.get(), view(tokens)), "added tokens");
  }
  if (settings_.add_bos_token || settings_.add_eos_token || !facts["post_processor"].get<bool>()) {
    const std::string processor = bos_eos_post_processor(settings_, bos_id(), eos_id()).dump();
    check(aieb_tokenizer_set_post_processor(handle_.get(), view(processor)), "post-processor");
  }
  cleans_up_ = settings_.clean_up_tokenization_spaces &&
               (facts["model"] != "BPE" || settings_.clean_up_for_bpe);
  check(aieb_tokenizer_vocab_size(handle_.get(), &vocab_size_), "vocabulary size");
}

std::vector<uint32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  aieb_ids ids{};
  check(aieb_tokenizer_encode(handle_.get(), view(text), add_special_tokens ? 1 : 0, &ids),
        "encode");
  std::vector<uint32_t> copy(ids.data, ids.data + ids.size);
  aieb_ids_free(ids);
  return copy;
}

std::string Tokenizer::decode(std::span<const uint32_t> ids, bool skip_special_tokens) const {
  aieb_text text{};
  check(aieb_tokenizer_decode(handle_.get(), ids.data(), ids.size(), skip_special_tokens ? 1 : 0,
                              &text),
        "decode");
  std::string decoded = take(text);
  return cleans_up_ ? clean_up_tokenization(std::move(decoded)) : decoded;
}

std::optional<uint32_t> Tokenizer::token_to_id(std::string_view token) const {
  int64_t id = -1;
  check(aieb_tokenizer_token_to_id(handle_.get(), view(token), &id), "look-up");
  if (id < 0) return std::nullopt;
  return static_cast<uint32_t>(id);
}

std::optional<std::string> Tokenizer::id_to_token(uint32_t id) const {
  aieb_text token{};
  check(aieb_tokenizer_id_to_token(handle_.get(), id, &token), "look-up");
  if (token.data == nullptr) return std::nullopt;
  return take(token);
}

std::optional<uint32_t> Tokenizer::named_id(const std::string& name) const {
  const auto it = settings_.special_tokens.find(name);
  return it == settings_.special_tokens.end() ? std::nullopt : token_to_id(it->second);
}

}  // namespace aieb
