#include "bridge/text_stream.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridge/tiny_tokenizers.h"

namespace aieb {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> pieces(const Tokenizer& tokenizer, const std::vector<uint32_t>& ids) {
  TextStream stream(tokenizer);
  std::vector<std::string> result;
  for (const uint32_t id : ids) result.push_back(stream.add(id));
  result.push_back(stream.finish());
  return result;
}

TEST(TextStream, gives_each_token_as_it_becomes_text) {
  const Tokenizer tokenizer = Tokenizer::from_json(test::byte_level_json(), "tiny");
  EXPECT_THAT(pieces(tokenizer, {12, 8, 5}), ElementsAre("hello", " ", "w", ""));
}

TEST(TextStream, holds_a_character_back_until_it_is_whole) {
  const Tokenizer tokenizer = Tokenizer::from_json(test::byte_level_json(), "tiny");
  EXPECT_THAT(pieces(tokenizer, {13, 14, 1}), ElementsAre("", "é", "h", ""));
  EXPECT_THAT(pieces(tokenizer, {1, 13}), ElementsAre("h", "", "\uFFFD"));
}

TEST(TextStream, keeps_the_spaces_that_a_decoder_puts_between_words) {
  const Tokenizer tokenizer = Tokenizer::from_json(test::word_piece_json(), "tiny");
  EXPECT_THAT(pieces(tokenizer, {1, 5, 5}), ElementsAre("do", " stop", " stop", ""));
}

TEST(TextStream, pieces_together_are_the_whole_text_for_any_ids) {
  const Tokenizer tokenizer = Tokenizer::from_json(test::byte_level_json(), "tiny");
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<uint32_t> ids(random() % 40);
    for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % tokenizer.vocab_size());
    std::string joined;
    for (const std::string& piece : pieces(tokenizer, ids)) joined += piece;
    EXPECT_EQ(joined, tokenizer.decode(ids, true));
  }
}

}  // namespace
}  // namespace aieb
