#include "bridge/tokenizer_settings.h"

#include <array>
#include <string_view>
#include <utility>

namespace aieb {
namespace {

constexpr std::array kTokenNames = {"bos_token", "eos_token", "unk_token", "sep_token",
                                    "pad_token", "cls_token", "mask_token"};

/// A special token is a string, or an object with "content".
std::optional<std::string> token_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return std::nullopt;
}

Json special_token(const Json& value) {
  Json token = value.is_object() ? value : Json{{"content", value}, {"normalized", false}};
  token["special"] = true;
  return token;
}

std::optional<bool> flag(const Json& config, const char* key) {
  const auto it = config.find(key);
  if (it == config.end()) return std::nullopt;
  return it->is_boolean() && it->get<bool>();
}

void read_numbered_tokens(const Json& config, TokenizerSettings& settings) {
  const auto it = config.find("added_tokens_decoder");
  if (it == config.end() || !it->is_object()) return;
  std::map<long, Json> by_id;
  for (const auto& [id, token] : it->items()) {
    if (token_text(token)) by_id[std::stol(id)] = token;
  }
  for (auto& [id, token] : by_id) settings.added_tokens.push_back(std::move(token));
}

void read_named_tokens(const Json& config, TokenizerSettings& settings) {
  for (const char* name : kTokenNames) {
    const auto it = config.find(name);
    if (it == config.end()) continue;
    if (auto text = token_text(*it)) {
      settings.special_tokens[name] = *text;
      settings.added_tokens.push_back(special_token(*it));
    }
  }
}

void read_extra_tokens(const Json& config, TokenizerSettings& settings) {
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto it = config.find(key);
    if (it == config.end() || !it->is_structured()) continue;
    for (const auto& [name, token] : it->items()) {
      const auto text = token_text(token);
      if (!text) continue;
      settings.added_tokens.push_back(special_token(token));
      if (it->is_object()) settings.special_tokens[name] = *text;
    }
  }
}

}  // namespace

TokenizerSettings tokenizer_settings_from(const Json& tokenizer_config) {
  TokenizerSettings settings;
  if (!tokenizer_config.is_object()) return settings;
  read_numbered_tokens(tokenizer_config, settings);
  read_named_tokens(tokenizer_config, settings);
  read_extra_tokens(tokenizer_config, settings);
  settings.add_bos_token = flag(tokenizer_config, "add_bos_token");
  settings.add_eos_token = flag(tokenizer_config, "add_eos_token");
  settings.clean_up_tokenization_spaces =
      flag(tokenizer_config, "clean_up_tokenization_spaces").value_or(false);
  settings.clean_up_for_bpe =
      flag(tokenizer_config,
           "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output")
          .value_or(false);
  return settings;
}

Json bos_eos_post_processor(const TokenizerSettings& settings, std::optional<uint32_t> bos_id,
                            std::optional<uint32_t> eos_id) {
  Json special = Json::object();
  const auto piece = [&](const char* name, uint32_t id, int type_id) {
    const std::string& text = settings.special_tokens.at(name);
    special[text] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
    return Json{{"SpecialToken", {{"id", text}, {"type_id", type_id}}}};
  };
  const auto sequence = [&](const char* name, int type_id) {
    Json parts = Json::array();
    if (settings.add_bos_token.value_or(false) && bos_id) {
      parts.push_back(piece("bos_token", *bos_id, type_id));
    }
    parts.push_back({{"Sequence", {{"id", name}, {"type_id", type_id}}}});
    if (settings.add_eos_token.value_or(false) && eos_id) {
      parts.push_back(piece("eos_token", *eos_id, type_id));
    }
    return parts;
  };
  const Json single = sequence("A", 0);
  Json pair = single;
  for (Json& part : sequence("B", 1)) pair.push_back(std::move(part));
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(special)}};
}

std::string clean_up_tokenization(std::string text) {
  // In transformers' order: a later rule sees what an earlier one left.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kRules{{{" .", "."},
                                                                                  {" ?", "?"},
                                                                                  {" !", "!"},
                                                                                  {" ,", ","},
                                                                                  {" ' ", "'"},
                                                                                  {" n't", "n't"},
                                                                                  {" 'm", "'m"},
                                                                                  {" 's", "'s"},
                                                                                  {" 've", "'ve"},
                                                                                  {" 're", "'re"}}};
  for (const auto& [from, to] : kRules) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
      text.replace(at, from.size(), to);
      at += to.size();
    }
  }
  return text;
}

}  // namespace aieb
