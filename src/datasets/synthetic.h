#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aieb {

/// Tokens of a prompt with this text, as the model gets it.
using TextTokens = std::function<int64_t(const std::string& text)>;

/// A part of a prompt: random words that depend on `seed` alone, so that prompts that begin with
/// the same segments begin with the same text.
struct Segment {
  uint64_t seed = 0;
  int64_t words = 0;
};

/// Makes prompts of exact lengths out of English words that are one token each for the tokenizer
/// that `count` stands for.
class SyntheticPrompts {
 public:
  /// Asks `count` for some dozens of texts. `tokenizer` is named in messages. Throws DataError when
  /// too few words are one token.
  SyntheticPrompts(TextTokens count, const std::string& tokenizer);

  /// The fewest tokens a prompt can have: chat template, special tokens and one word.
  [[nodiscard]] int64_t fewest_tokens() const { return overhead_ + 1; }

  /// Text of a prompt of exactly `tokens` tokens in all (at least `fewest_tokens`): the words of
  /// the segments as far as there is room, then others drawn from `seed`. Every prompt is counted.
  /// Throws DataError when no text comes out at that length.
  [[nodiscard]] std::string make(std::span<const Segment> segments, uint64_t seed,
                                 int64_t tokens) const;

 private:
  void keep_single(std::span<const std::string_view> words);

  TextTokens count_;
  std::string tokenizer_;
  int64_t overhead_ = 0;  ///< tokens beside the words
  std::vector<std::string_view> words_;
};

}  // namespace aieb
