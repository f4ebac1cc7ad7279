// Rebuilds a tokenizer from the `tokenizer.ggml.*` keys of a GGUF file, with the same rules as
// transformers (which has no tokenizer.json for such a file either).
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/gguf_vocabulary.h"
#include "bridge/tokenizer.h"
#include "core/error.h"

namespace aieb {
namespace {

using gguf::TokenType;
using gguf::Vocabulary;

constexpr const char* kGpt2Split =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3Split =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2Split = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekkenSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kGpt4oSplit =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// How the text is cut before merging, by `tokenizer.ggml.pre` (names of llama.cpp's converter;
/// the expressions are those of the models' own tokenizer.json). transformers reads every name
/// that is not here as GPT-2's split, also "smollm", whose own tokenizer cuts single digits.
struct PreTokenizer {
  std::string_view name;
  const char* split;
  bool whole_words_first = false;  ///< a word that is a token is not merged up (ignore_merges)
  bool adds_bos = false;           ///< when the file does not say
};
constexpr std::array kPreTokenizers = {
    PreTokenizer{"llama-bpe", kLlama3Split, true, true},
    PreTokenizer{"llama3", kLlama3Split, true, true},
    PreTokenizer{"llama-v3", kLlama3Split, true, true},
    PreTokenizer{"falcon3", kLlama3Split, true, true},
    PreTokenizer{"falcon-h1", kLlama3Split, true, true},
    PreTokenizer{"pixtral", kLlama3Split, true, true},
    PreTokenizer{"midm-2.0", kLlama3Split, true, true},
    PreTokenizer{"lfm2", kLlama3Split, true, true},
    PreTokenizer{"dbrx", kLlama3Split},
    PreTokenizer{"smaug-bpe", kLlama3Split},
    PreTokenizer{"qwen2", kQwen2Split},
    PreTokenizer{"deepseek-r1-qwen", kQwen2Split},
    PreTokenizer{"megrez", kQwen2Split},
    PreTokenizer{"tekken", kTekkenSplit, true, true},
    PreTokenizer{"gpt-4o", kGpt4oSplit},
    PreTokenizer{"llama4", kGpt4oSplit},
    PreTokenizer{"kanana2", kGpt4oSplit},
    PreTokenizer{"minimax-m2", kGpt4oSplit},
};

PreTokenizer pre_tokenizer(const Json& metadata) {
  const std::string name = metadata.value("tokenizer.ggml.pre", "default");
  for (const PreTokenizer& known : kPreTokenizers) {
    if (known.name == name) return known;
  }
  return {"default", kGpt2Split};
}

/// The parts of tokenizer.json that differ between the kinds of vocabulary.
struct Shape {
  Json normalizer;
  Json pre_tokenizer;
  Json decoder;
  Json model;  ///< options of the BPE model, without vocab and merges
};

Json split(const char* expression) {
  return {{"type", "Split"},
          {"pattern", {{"Regex", expression}}},
          {"behavior", "Isolated"},
          {"invert", false}};
}

Json byte_level() {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", false}};
}

Json replace(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

Json sequence(const char* key, std::vector<Json> parts) {
  return {{"type", "Sequence"}, {key, Json(std::move(parts))}};
}

Shape byte_level_shape(const Json& metadata) {
  const PreTokenizer pre = pre_tokenizer(metadata);
  return {nullptr,
          sequence("pretokenizers", {split(pre.split), byte_level()}),
          byte_level(),
          {{"type", "BPE"},
           {"continuing_subword_prefix", ""},
           {"end_of_word_suffix", ""},
           {"ignore_merges", pre.whole_words_first}}};
}

Json sentencepiece_decoder(bool strip_first_space) {
  std::vector<Json> steps = {replace("▁", " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (strip_first_space) {
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return sequence("decoders", std::move(steps));
}

/// Llama-2's shape; gemma and phi3 keep their vocabulary the same way but mark spaces their own
/// way, which only their architecture tells.
Shape sentencepiece_shape(const Json& metadata) {
  const std::string architecture = metadata.value("general.architecture", "");
  Json model = {{"type", "BPE"}, {"fuse_unk", true}, {"byte_fallback", true}};
  if (architecture.starts_with("gemma")) {
    model["unk_token"] = "<unk>";
    return {replace(" ", "▁"),
            {{"type", "Split"},
             {"pattern", {{"String", " "}}},
             {"behavior", "MergedWithPrevious"},
             {"invert", false}},
            sentencepiece_decoder(false),
            std::move(model)};
  }
  const bool prefix = metadata.value("tokenizer.ggml.add_space_prefix", true);
  if (architecture == "phi3") {
    return {sequence("normalizers", {{{"type", "Prepend"}, {"prepend", "▁"}}, replace(" ", "▁")}),
            nullptr, sentencepiece_decoder(prefix), std::move(model)};
  }
  return {nullptr,
          {{"type", "Metaspace"},
           {"replacement", "▁"},
           {"prepend_scheme", prefix ? "first" : "never"},
           {"split", false}},
          sentencepiece_decoder(prefix),
          std::move(model)};
}

bool is_sentencepiece(const Json& metadata) {
  const std::string model = metadata.value("tokenizer.ggml.model", "");
  if (model == "llama") return true;
  if (model == "gpt2") return false;
  throw ModelError("tokenizer.ggml.model: '" + model +
                   "' cannot be rebuilt from a GGUF file (gpt2 and llama can); use the original "
                   "repository, which has a tokenizer.json");
}

/// Tokens that are matched whole in the text, before anything else.
Json added_tokens(const Vocabulary& vocabulary) {
  Json added = Json::array();
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.type(id);
    const bool special = type == TokenType::kControl || type == TokenType::kUnknown;
    if (!special && type != TokenType::kUserDefined) continue;
    added.push_back({{"id", id},
                     {"content", vocabulary.tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", special}});
  }
  return added;
}

}  // namespace

std::string tokenizer_json_from_gguf(const Json& metadata) {
  const bool sentencepiece = is_sentencepiece(metadata);
  const Vocabulary vocabulary =
      sentencepiece ? gguf::read_sentencepiece(metadata) : gguf::read_byte_level(metadata);
  const Shape shape = sentencepiece ? sentencepiece_shape(metadata) : byte_level_shape(metadata);

  // The vocabulary is written as text: a Json object keeps its keys in a list, which would take
  // quadratic time to fill.
  std::string model = shape.model.dump();
  model.pop_back();
  model += ",\"vocab\":" + gguf::vocab_json(vocabulary) +
           ",\"merges\":" + gguf::merges_json(vocabulary) + "}";
  return "{\"version\":\"1.0\",\"added_tokens\":" + added_tokens(vocabulary).dump() +
         ",\"normalizer\":" + shape.normalizer.dump() +
         ",\"pre_tokenizer\":" + shape.pre_tokenizer.dump() +
         ",\"post_processor\":null,\"decoder\":" + shape.decoder.dump() + ",\"model\":" + model +
         "}";
}

TokenizerSettings tokenizer_settings_from_gguf(const Json& metadata) {
  constexpr std::array<std::pair<const char*, const char*>, 4> kNames{
      {{"bos_token", "tokenizer.ggml.bos_token_id"},
       {"eos_token", "tokenizer.ggml.eos_token_id"},
       {"unk_token", "tokenizer.ggml.unknown_token_id"},
       {"pad_token", "tokenizer.ggml.padding_token_id"}}};
  const bool sentencepiece = is_sentencepiece(metadata);
  const Json& tokens = metadata.at("tokenizer.ggml.tokens");
  TokenizerSettings settings;
  for (const auto& [name, key] : kNames) {
    const auto id = metadata.find(key);
    if (id == metadata.end() || id->get<size_t>() >= tokens.size()) continue;
    settings.special_tokens[name] = tokens[id->get<size_t>()].get<std::string>();
    settings.added_tokens.push_back(
        {{"content", settings.special_tokens[name]}, {"special", true}, {"normalized", false}});
  }
  const bool bos_by_default = sentencepiece || pre_tokenizer(metadata).adds_bos;
  settings.add_bos_token = metadata.value("tokenizer.ggml.add_bos_token", bos_by_default);
  settings.add_eos_token = metadata.value("tokenizer.ggml.add_eos_token", false);
  return settings;
}

}  // namespace aieb
