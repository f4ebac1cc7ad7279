#include "bridge/gguf_vocabulary.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"

namespace aieb::gguf {
namespace {

/// The value of a required key. A file without it cannot be used.
template <typename T>
std::vector<T> required_list(const Json& metadata, const char* key) {
  const auto it = metadata.find(key);
  if (it == metadata.end() || !it->is_array()) {
    throw ModelError(std::string("GGUF metadata: '") + key +
                     "' is missing or is no list, so the tokenizer cannot be rebuilt; use the "
                     "original repository or another conversion of the model");
  }
  try {
    return it->get<std::vector<T>>();
  } catch (const Json::exception& e) {
    throw ModelError(std::string("GGUF metadata: '") + key + "': " + e.what());
  }
}

std::string utf8(uint32_t code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  return {static_cast<char>(0xC0 | (code_point >> 6)),
          static_cast<char>(0x80 | (code_point & 0x3F))};
}

/// GPT-2's spelling of the 256 bytes: printable Latin-1 stands for itself, the rest, in order,
/// for U+0100 and up.
std::array<std::string, 256> byte_spelling() {
  std::array<std::string, 256> spelling;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    spelling[byte] = utf8(printable ? byte : next++);
  }
  return spelling;
}

size_t character_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0xC0) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

class ByteAlphabet {
 public:
  ByteAlphabet() : spelling_(byte_spelling()), letters_(spelling_.begin(), spelling_.end()) {}

  /// A token that holds other characters was stored as plain text.
  [[nodiscard]] std::string spell(const std::string& token) const {
    if (spells(token)) return token;
    std::string spelled;
    for (const char c : token) spelled += spelling_[static_cast<unsigned char>(c)];
    return spelled;
  }

 private:
  [[nodiscard]] bool spells(std::string_view token) const {
    while (!token.empty()) {
      const size_t length = character_length(token.front());
      if (!letters_.contains(std::string(token.substr(0, length)))) return false;
      token.remove_prefix(std::min(length, token.size()));
    }
    return true;
  }

  std::array<std::string, 256> spelling_;
  std::unordered_set<std::string> letters_;
};

/// "left right" at the first space after the first byte.
std::vector<std::pair<std::string, std::string>> listed_merges(const Json& metadata) {
  std::vector<std::pair<std::string, std::string>> merges;
  for (const std::string& line : required_list<std::string>(metadata, "tokenizer.ggml.merges")) {
    const size_t space = line.find(' ', 1);
    if (space == std::string::npos) {
      throw ModelError("GGUF metadata: 'tokenizer.ggml.merges' holds '" + line +
                       "', which is no pair");
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

Vocabulary read_tokens(const Json& metadata) {
  Vocabulary vocabulary;
  vocabulary.tokens = required_list<std::string>(metadata, "tokenizer.ggml.tokens");
  if (metadata.contains("tokenizer.ggml.token_type")) {
    vocabulary.types = required_list<int>(metadata, "tokenizer.ggml.token_type");
  }
  return vocabulary;
}

struct Merge {
  std::string_view left;
  std::string_view right;
  double score;
};

using Ids = std::unordered_map<std::string_view, size_t>;

/// Every cut of `token` into two tokens, in the order of their ids.
void append_cuts(std::string_view token, double score, const Ids& ids, std::vector<Merge>& merges) {
  const size_t first = merges.size();
  for (size_t cut = 0; cut < token.size();) {
    cut += character_length(token[cut]);
    if (cut >= token.size()) break;
    const std::string_view left = token.substr(0, cut);
    const std::string_view right = token.substr(cut);
    if (ids.contains(left) && ids.contains(right)) merges.push_back({left, right, score});
  }
  std::sort(merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end(),
            [&](const Merge& a, const Merge& b) {
              return std::pair(ids.at(a.left), ids.at(a.right)) <
                     std::pair(ids.at(b.left), ids.at(b.right));
            });
}

std::vector<std::pair<std::string, std::string>> implied_merges(
    const std::vector<std::string>& tokens, const std::vector<double>& scores) {
  Ids ids;
  for (size_t id = 0; id < tokens.size(); ++id) ids.insert_or_assign(tokens[id], id);
  std::vector<Merge> merges;
  for (size_t id = 0; id < tokens.size(); ++id) append_cuts(tokens[id], scores[id], ids, merges);
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    if (a.score != b.score) return a.score > b.score;
    const auto lengths = [](const Merge& m) {
      return std::pair(characters(m.left), characters(m.right));
    };
    return lengths(a) > lengths(b);
  });
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(merges.size());
  for (const Merge& merge : merges) pairs.emplace_back(merge.left, merge.right);
  return pairs;
}

/// Gemma stores runs of spaces as spaces, but looks them up as runs of ▁.
void respell_spaces(std::vector<std::string>& tokens) {
  for (std::string& token : tokens) {
    const bool spaces = !token.empty() && token.find_first_not_of(' ') == std::string::npos;
    if (!spaces) continue;
    std::string marks;
    for (size_t i = 0; i < token.size(); ++i) marks += "▁";
    token = marks;
  }
}

}  // namespace

Vocabulary read_byte_level(const Json& metadata) {
  Vocabulary vocabulary = read_tokens(metadata);
  const ByteAlphabet alphabet;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.type(id);
    // Matched as they are, never through the byte alphabet.
    if (type == TokenType::kControl || type == TokenType::kUserDefined) continue;
    vocabulary.tokens[id] = alphabet.spell(vocabulary.tokens[id]);
  }
  vocabulary.merges = listed_merges(metadata);
  return vocabulary;
}

Vocabulary read_sentencepiece(const Json& metadata) {
  Vocabulary vocabulary = read_tokens(metadata);
  const bool gemma = metadata.value("general.architecture", "").starts_with("gemma");
  if (gemma) respell_spaces(vocabulary.tokens);
  if (metadata.contains("tokenizer.ggml.merges")) {
    vocabulary.merges = listed_merges(metadata);
    return vocabulary;
  }
  std::vector<double> scores;
  if (gemma) {  // its scores do not follow the order of its merges; the ids do
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      scores.push_back(-static_cast<double>(id));
    }
  } else {
    scores = required_list<double>(metadata, "tokenizer.ggml.scores");
  }
  if (scores.size() != vocabulary.tokens.size()) {
    throw ModelError(
        "GGUF metadata: 'tokenizer.ggml.scores' and 'tokenizer.ggml.tokens' differ "
        "in length; the file is damaged");
  }
  vocabulary.merges = implied_merges(vocabulary.tokens, scores);
  return vocabulary;
}

std::string vocab_json(const Vocabulary& vocabulary) {
  std::string json = "{";
  std::unordered_set<std::string_view> seen;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!seen.insert(vocabulary.tokens[id]).second) continue;
    if (json.size() > 1) json += ',';
    json += Json(vocabulary.tokens[id]).dump() + ':' + std::to_string(id);
  }
  return json + "}";
}

std::string merges_json(const Vocabulary& vocabulary) {
  std::string json = "[";
  for (const auto& [left, right] : vocabulary.merges) {
    if (json.size() > 1) json += ',';
    json += Json::array({left, right}).dump();
  }
  return json + "]";
}

}  // namespace aieb::gguf
