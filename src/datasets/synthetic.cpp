#include "datasets/synthetic.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/random.h"

namespace aieb {
namespace {

constexpr std::string_view kFirst = "the";
constexpr size_t kFewestWords = 32;
constexpr int kCorrections = 12;

/// Common English words: most are one token after a space in every large vocabulary.
constexpr std::array<std::string_view, 251> kWords = {
    "about",    "above",   "across",  "act",     "add",    "after",    "again",   "age",
    "air",      "all",     "almost",  "along",   "also",   "always",   "and",     "animal",
    "answer",   "any",     "appear",  "are",     "area",   "art",      "ask",     "away",
    "back",     "base",    "be",      "bear",    "beat",   "became",   "become",  "been",
    "before",   "began",   "begin",   "behind",  "best",   "better",   "between", "big",
    "bird",     "black",   "blue",    "boat",    "body",   "book",     "both",    "box",
    "boy",      "bring",   "brought", "build",   "built",  "but",      "call",    "came",
    "can",      "car",     "care",    "carry",   "cause",  "center",   "change",  "check",
    "city",     "class",   "clear",   "close",   "cold",   "color",    "come",    "common",
    "complete", "contain", "could",   "country", "course", "cover",    "cut",     "dark",
    "day",      "deep",    "did",     "differ",  "do",     "door",     "down",    "draw",
    "dry",      "during",  "each",    "early",   "earth",  "ease",     "east",    "eat",
    "end",      "enough",  "even",    "ever",    "every",  "example",  "eye",     "face",
    "fact",     "fall",    "family",  "far",     "farm",   "fast",     "father",  "feel",
    "feet",     "few",     "field",   "figure",  "final",  "find",     "fine",    "fire",
    "first",    "fish",    "five",    "fly",     "follow", "food",     "foot",    "for",
    "force",    "form",    "found",   "four",    "free",   "friend",   "from",    "front",
    "full",     "game",    "gave",    "get",     "girl",   "give",     "go",      "gold",
    "good",     "got",     "great",   "green",   "ground", "group",    "grow",    "had",
    "half",     "hand",    "happen",  "hard",    "has",    "have",     "head",    "hear",
    "heat",     "help",    "here",    "high",    "hold",   "home",     "horse",   "hot",
    "hour",     "house",   "how",     "idea",    "inch",   "island",   "just",    "keep",
    "kind",     "king",    "knew",    "know",    "land",   "language", "large",   "last",
    "late",     "lead",    "learn",   "leave",   "left",   "less",     "letter",  "life",
    "light",    "line",    "list",    "little",  "live",   "long",     "look",    "love",
    "low",      "machine", "made",    "main",    "make",   "man",      "many",    "map",
    "mark",     "may",     "mean",    "measure", "men",    "mind",     "minute",  "money",
    "moon",     "more",    "morning", "most",    "mother", "mountain", "move",    "much",
    "music",    "must",    "name",    "near",    "need",   "never",    "new",     "next",
    "night",    "north",   "note",    "notice",  "now",    "number",   "object",  "of",
    "off",      "often",   "old",     "one",     "only",   "open",     "order",   "other",
    "our",      "over",    "own",
};

std::string joined(std::string_view first, std::span<const std::string_view> words) {
  std::string text(first);
  for (const std::string_view word : words) {
    text += ' ';
    text += word;
  }
  return text;
}

}  // namespace

SyntheticPrompts::SyntheticPrompts(TextTokens count, const std::string& tokenizer)
    : count_(std::move(count)), tokenizer_(tokenizer) {
  // Between two words the tokens at the ends of the text cancel out.
  const int64_t one = count_(std::string(kFirst));
  overhead_ = one - 1;
  keep_single(kWords);
  if (words_.size() < kFewestWords) {
    throw DataError(
        fmt::format("prompts of exact lengths cannot be made for {}: only {} of {} "
                    "common words are one token each",
                    tokenizer_, words_.size(), kWords.size()));
  }
}

/// Words that together take one token each are kept; others are halved until the ones that do not
/// are alone.
void SyntheticPrompts::keep_single(std::span<const std::string_view> words) {
  if (words.empty()) return;
  const int64_t tokens = count_(joined(kFirst, words)) - overhead_ - 1;
  if (tokens == static_cast<int64_t>(words.size())) {
    words_.insert(words_.end(), words.begin(), words.end());
  } else if (words.size() > 1) {
    const size_t half = words.size() / 2;
    keep_single(words.first(half));
    keep_single(words.subspan(half));
  }
}

std::string SyntheticPrompts::make(std::span<const Segment> segments, uint64_t seed,
                                   int64_t tokens) const {
  std::vector<std::string_view> words;
  const auto draw = [&](Random& random, int64_t wanted) {
    while (static_cast<int64_t>(words.size()) < wanted) {
      words.push_back(words_[random.below(words_.size())]);
    }
  };
  const int64_t wanted = std::max<int64_t>(1, tokens - overhead_);
  for (const Segment& segment : segments) {
    Random random(segment.seed);
    draw(random, std::min(wanted, static_cast<int64_t>(words.size()) + segment.words));
  }
  Random random(seed);
  draw(random, wanted);
  for (int i = 0; i < kCorrections; ++i) {
    std::string text = joined(words.front(), std::span(words).subspan(1));
    const int64_t off = tokens - count_(text);
    if (off == 0) return text;
    const auto length = static_cast<int64_t>(words.size());
    if (off < 0) words.resize(static_cast<size_t>(std::max<int64_t>(1, length + off)));
    draw(random, length + off);
    if (off < 0 && length == 1) words[0] = words_[random.below(words_.size())];
  }
  throw DataError(
      fmt::format("no prompt of exactly {} tokens could be made for {}", tokens, tokenizer_));
}

}  // namespace aieb
