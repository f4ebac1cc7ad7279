#include "datasets/synthetic.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "core/error.h"

namespace aieb {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// A tokenizer that splits words of more than four letters in two, merges "go" with a following
/// word that begins with h, and has a template of `overhead` tokens.
TextTokens awkward(int64_t overhead) {
  return [overhead](const std::string& text) {
    int64_t tokens = overhead;
    std::string before;
    for (const std::string& word : words_of(text)) {
      if (!(before == "go" && word[0] == 'h')) tokens += word.size() > 4 ? 2 : 1;
      before = word;
    }
    return tokens;
  };
}

TEST(SyntheticPrompts, have_exactly_the_length_asked_for) {
  const char* given = std::getenv("AIEB_TEST_SEED");
  const unsigned seed = given ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  std::cout << "AIEB_TEST_SEED=" << seed << '\n';
  std::mt19937 random(seed);
  for (const int64_t overhead : {0, 1, 31}) {
    const TextTokens count = awkward(overhead);
    const SyntheticPrompts prompts(count, "a test");
    EXPECT_EQ(prompts.fewest_tokens(), overhead + 1);
    for (int i = 0; i < 200; ++i) {
      const int64_t tokens = overhead + 1 + std::uniform_int_distribution<int>(0, 3000)(random);
      EXPECT_EQ(count(prompts.make({}, random(), tokens)), tokens);
    }
  }
}

TEST(SyntheticPrompts, differ_by_seed_and_repeat_with_it) {
  const SyntheticPrompts prompts(awkward(9), "a test");
  std::set<std::string> texts;
  for (uint64_t seed = 0; seed < 100; ++seed) texts.insert(prompts.make({}, seed, 40));
  EXPECT_EQ(texts.size(), 100U);
  EXPECT_EQ(prompts.make({}, 7, 40), prompts.make({}, 7, 40));
}

TEST(SyntheticPrompts, begin_alike_as_far_as_their_segments_do) {
  const SyntheticPrompts prompts(awkward(3), "a test");
  const std::vector<Segment> a{{1, 20}, {2, 20}};
  const std::vector<Segment> b{{1, 20}, {3, 20}};
  const auto first = words_of(prompts.make(a, 10, 103));
  const auto second = words_of(prompts.make(b, 11, 103));
  const auto third = words_of(prompts.make(a, 12, 28));
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + 20, second.begin()));
  EXPECT_FALSE(std::equal(first.begin() + 20, first.begin() + 40, second.begin() + 20));
  ASSERT_EQ(third.size(), 25U) << "cut where the prompt ends";
  EXPECT_TRUE(std::equal(third.begin(), third.end(), first.begin()));
}

TEST(SyntheticPrompts, need_words_of_one_token) {
  const TextTokens bytes = [](const std::string& text) {
    return static_cast<int64_t>(text.size());
  };
  EXPECT_THROW(SyntheticPrompts(bytes, "bytes"), DataError);
}

TEST(SyntheticPrompts, ask_the_tokenizer_seldom) {
  int64_t calls = 0;
  const SyntheticPrompts prompts(
      [&](const std::string& text) {
        ++calls;
        return awkward(9)(text);
      },
      "a test");
  EXPECT_LT(calls, 400);
  calls = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_FALSE(prompts.make({}, seed, 1000).empty());
  }
  EXPECT_LT(calls, 400) << "one a prompt, and some to put merged words right";
}

}  // namespace
}  // namespace aieb
