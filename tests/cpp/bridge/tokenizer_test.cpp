#include "bridge/tokenizer.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bridge/tiny_tokenizers.h"
#include "core/error.h"

namespace aieb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<uint32_t>;

Tokenizer byte_level(TokenizerSettings settings = {}) {
  return Tokenizer::from_json(test::byte_level_json(), "tiny", std::move(settings));
}

TEST(Tokenizer, encodes_by_merges_and_ignores_the_truncation_of_the_file) {
  EXPECT_THAT(byte_level().encode("hello!", false), ElementsAre(12, 15));
  EXPECT_THAT(byte_level().encode("hello world", false), ElementsAre(12, 8, 5, 4, 6, 3, 7));
}

TEST(Tokenizer, finds_special_tokens_written_in_the_text) {
  EXPECT_THAT(byte_level().encode("he<s>llo", false), ElementsAre(9, 0, 10, 4));
}

TEST(Tokenizer, decodes_with_and_without_special_tokens) {
  const Ids ids = {0, 12, 8, 5};
  EXPECT_EQ(byte_level().decode(ids, false), "<s>hello w");
  EXPECT_EQ(byte_level().decode(ids, true), "hello w");
  EXPECT_EQ(byte_level().decode(Ids{}, true), "");
}

TEST(Tokenizer, answers_for_tokens_and_ids_that_exist_and_that_do_not) {
  const Tokenizer tokenizer = byte_level();
  EXPECT_EQ(tokenizer.token_to_id("hello"), 12U);
  EXPECT_EQ(tokenizer.token_to_id("absent"), std::nullopt);
  EXPECT_EQ(tokenizer.id_to_token(0), "<s>");
  EXPECT_EQ(tokenizer.id_to_token(99), std::nullopt);
  EXPECT_EQ(tokenizer.vocab_size(), 16U);
}

TEST(Tokenizer, adds_bos_and_eos_as_the_configuration_says) {
  const Json config = Json::parse(
      R"({"add_bos_token": true, "add_eos_token": true, "bos_token": "<s>",
          "eos_token": {"content": "</s>", "lstrip": false}})");
  const Tokenizer tokenizer = byte_level(tokenizer_settings_from(config));
  EXPECT_EQ(tokenizer.eos_id(), 16U) << "a token that only the configuration names is added";
  EXPECT_THAT(tokenizer.encode("hello", true), ElementsAre(0, 12, 16));
  EXPECT_THAT(tokenizer.encode("hello", false), ElementsAre(12));
}

TEST(Tokenizer, leaves_out_a_bos_that_is_not_named) {
  const Tokenizer tokenizer = byte_level(tokenizer_settings_from({{"add_bos_token", true}}));
  EXPECT_THAT(tokenizer.encode("hello", true), ElementsAre(12));
}

TEST(Tokenizer, cleans_up_spaces_only_where_transformers_does) {
  TokenizerSettings settings;
  settings.clean_up_tokenization_spaces = true;
  const Tokenizer words = Tokenizer::from_json(test::word_piece_json(), "tiny", settings);
  EXPECT_EQ(words.decode(Ids{1, 7, 5, 6}, true), "do, stop.");
  settings.clean_up_tokenization_spaces = false;
  const Tokenizer raw = Tokenizer::from_json(test::word_piece_json(), "tiny", settings);
  EXPECT_EQ(raw.decode(Ids{1, 7, 5, 6}, true), "do , stop .");
}

TEST(Tokenizer, does_not_clean_up_bpe_models_unless_told_so) {
  TokenizerSettings settings;
  settings.clean_up_tokenization_spaces = true;
  EXPECT_EQ(byte_level(settings).decode(Ids{12, 8, 15}, true), "hello !");
  settings.clean_up_for_bpe = true;
  EXPECT_EQ(byte_level(settings).decode(Ids{12, 8, 15}, true), "hello!");
}

TEST(Tokenizer, says_which_file_does_not_parse) {
  for (const std::string broken : {"", "{", "[]", R"({"model": {"type": "Unheard"}})"}) {
    try {
      Tokenizer::from_json(broken, "some/tokenizer.json");
      FAIL() << "accepted: " << broken;
    } catch (const ModelError& e) {
      EXPECT_THAT(e.what(), HasSubstr("some/tokenizer.json"));
    }
  }
}

TEST(Tokenizer, refuses_text_that_is_not_utf8) {
  EXPECT_THROW(byte_level().encode("h\xC3", false), ModelError);
}

TEST(Tokenizer, can_be_used_from_many_threads) {
  const Tokenizer tokenizer = byte_level();
  const Ids expected = tokenizer.encode("hello world hello", false);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        if (tokenizer.encode("hello world hello", false) != expected) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Tokenizer, reads_a_checkpoint_folder) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "aieb_tokenizer_folder";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "tokenizer.json") << test::byte_level_json();
  std::ofstream(folder / "tokenizer_config.json")
      << R"({"bos_token": "<s>", "add_bos_token": true, "pad_token": null})";
  const Tokenizer tokenizer = Tokenizer::from_folder(folder);
  EXPECT_THAT(tokenizer.encode("hello", true), ElementsAre(0, 12));
  EXPECT_EQ(tokenizer.pad_id(), std::nullopt);
  std::filesystem::remove(folder / "tokenizer.json");
  EXPECT_THROW(Tokenizer::from_folder(folder), ModelError);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace aieb
