#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridge/tokenizer.h"
#include "core/error.h"

namespace aieb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<uint32_t>;

Json byte_level_metadata() {
  return {{"general.architecture", "llama"},
          {"tokenizer.ggml.model", "gpt2"},
          {"tokenizer.ggml.pre", "smollm"},
          {"tokenizer.ggml.tokens", {"<|end|>", "a", "b", "ab", "Ġ", "Ġab", "<tool>", "Ã", "©"}},
          {"tokenizer.ggml.token_type", {3, 1, 1, 1, 1, 1, 4, 1, 1}},
          {"tokenizer.ggml.merges", {"a b", "Ġ ab"}},
          {"tokenizer.ggml.bos_token_id", 0},
          {"tokenizer.ggml.eos_token_id", 0}};
}

Json sentencepiece_metadata() {
  return {{"general.architecture", "llama"},
          {"tokenizer.ggml.model", "llama"},
          {"tokenizer.ggml.tokens",
           {"<unk>", "<s>", "</s>", "<0xC3>", "<0xA9>", "▁", "a", "b", "ab", "▁ab", "ba"}},
          {"tokenizer.ggml.scores", {0, 0, 0, 0, 0, -9, -7, -8, -2, -3, -1}},
          {"tokenizer.ggml.token_type", {2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 1}},
          {"tokenizer.ggml.bos_token_id", 1},
          {"tokenizer.ggml.eos_token_id", 2},
          {"tokenizer.ggml.unknown_token_id", 0}};
}

TEST(GgufTokenizer, rebuilds_byte_level_bpe) {
  const Tokenizer tokenizer = Tokenizer::from_gguf(byte_level_metadata(), "tiny.gguf");
  EXPECT_THAT(tokenizer.encode("ab ab", true), ElementsAre(3, 5)) << "no BOS unless the file asks";
  EXPECT_THAT(tokenizer.encode("é", true), ElementsAre(7, 8));
  EXPECT_EQ(tokenizer.decode(Ids{3, 5, 7, 8}, true), "ab abé");
  EXPECT_EQ(tokenizer.bos_id(), 0U);
  EXPECT_EQ(tokenizer.vocab_size(), 9U);
}

TEST(GgufTokenizer, matches_control_and_user_defined_tokens_whole) {
  const Tokenizer tokenizer = Tokenizer::from_gguf(byte_level_metadata(), "tiny.gguf");
  EXPECT_THAT(tokenizer.encode("a<|end|><tool>", false), ElementsAre(1, 0, 6));
  EXPECT_EQ(tokenizer.decode(Ids{1, 0, 6}, true), "a<tool>") << "only control tokens are special";
}

TEST(GgufTokenizer, rebuilds_sentencepiece_from_scores) {
  const Tokenizer tokenizer = Tokenizer::from_gguf(sentencepiece_metadata(), "tiny.gguf");
  EXPECT_THAT(tokenizer.encode("ab", true), ElementsAre(1, 9)) << "BOS is the default";
  // "ba" scores best, so it is merged before "ab" can be.
  EXPECT_THAT(tokenizer.encode("aba", false), ElementsAre(5, 6, 10));
  EXPECT_THAT(tokenizer.encode("é", false), ElementsAre(5, 3, 4)) << "bytes stand for the unknown";
  EXPECT_EQ(tokenizer.decode(Ids{1, 9, 3, 4}, true), "abé");
}

TEST(GgufTokenizer, keeps_the_first_space_away_when_the_file_says_so) {
  Json metadata = sentencepiece_metadata();
  metadata["tokenizer.ggml.add_space_prefix"] = false;
  metadata["tokenizer.ggml.add_bos_token"] = false;
  const Tokenizer tokenizer = Tokenizer::from_gguf(metadata, "tiny.gguf");
  EXPECT_THAT(tokenizer.encode("ab", true), ElementsAre(8));
}

TEST(GgufTokenizer, names_the_key_that_is_missing_or_not_supported) {
  Json metadata = byte_level_metadata();
  metadata.erase("tokenizer.ggml.merges");
  try {
    Tokenizer::from_gguf(metadata, "tiny.gguf");
    FAIL() << "accepted a file without merges";
  } catch (const ModelError& e) {
    EXPECT_THAT(e.what(), HasSubstr("tokenizer.ggml.merges"));
  }
  metadata["tokenizer.ggml.model"] = "rwkv";
  EXPECT_THROW(Tokenizer::from_gguf(metadata, "tiny.gguf"), ModelError);
  EXPECT_THROW(Tokenizer::from_gguf(Json::object(), "tiny.gguf"), ModelError);
}

}  // namespace
}  // namespace aieb
