#include "hub/dataset_card.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "hub/glob.h"

namespace aieb::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Names = std::vector<std::string>;

const std::string kGsm8kCard = R"(---
license: mit
configs:
- config_name: main
  data_files:
  - split: train
    path: main/train-*
  - split: test
    path: main/test-*
- config_name: socratic
  data_files:
  - split: train
    path: [socratic/train-*]
---
# Card
)";
const Names kGsm8kFiles = {"README.md", "main/test-00000-of-00001.parquet",
                           "main/train-00000-of-00001.parquet",
                           "socratic/train-00000-of-00001.parquet"};

std::string failure(const std::function<void()>& action) {
  try {
    action();
  } catch (const DataError& e) {
    return e.what();
  }
  return "";
}

Names files_of(const Names& files, const std::string& split, const std::string& readme = "") {
  const auto configs = dataset_configs(files, readme, "id");
  return choose_split(choose_config(configs, "", "id"), split, "id");
}

TEST(Glob, keeps_single_stars_within_a_folder) {
  EXPECT_TRUE(glob_matches("data/train-*.parquet", "data/train-0.parquet"));
  EXPECT_FALSE(glob_matches("*.parquet", "data/train-0.parquet"));
  EXPECT_TRUE(glob_matches("**/*.parquet", "a/b/c.parquet"));
  EXPECT_TRUE(glob_matches("**/*.parquet", "c.parquet"));
  EXPECT_TRUE(glob_matches("data/**", "data/x/y"));
  EXPECT_TRUE(glob_matches("a[0-9]?.txt", "a1b.txt"));
  EXPECT_FALSE(glob_matches("a[!0-9].txt", "a1.txt"));
  EXPECT_FALSE(glob_matches("abc", "ab"));
  EXPECT_FALSE(glob_matches("ab", "abc"));
}

TEST(DatasetCard, names_configurations_splits_and_their_files) {
  const auto configs = dataset_configs(kGsm8kFiles, kGsm8kCard, "openai/gsm8k");
  ASSERT_EQ(configs.size(), 2U);
  EXPECT_EQ(choose_config(configs, "", "id").name, "main");
  EXPECT_THAT(choose_split(configs[0], "test", "id"),
              ElementsAre("main/test-00000-of-00001.parquet"));
  EXPECT_THAT(choose_split(choose_config(configs, "socratic", "id"), "train", "id"),
              ElementsAre("socratic/train-00000-of-00001.parquet"));
}

TEST(DatasetCard, lists_what_there_is_when_a_name_is_wrong) {
  const auto configs = dataset_configs(kGsm8kFiles, kGsm8kCard, "openai/gsm8k");
  EXPECT_THAT(failure([&] { choose_config(configs, "maine", "openai/gsm8k"); }),
              HasSubstr("main, socratic"));
  EXPECT_THAT(failure([&] { choose_split(configs[1], "test", "openai/gsm8k"); }),
              HasSubstr("scenario.dataset_split to one of: train"));
}

TEST(DatasetCard, asks_for_a_configuration_when_none_stands_out) {
  const std::string card =
      "---\nconfigs:\n- config_name: a\n  data_files: a.csv\n"
      "- config_name: b\n  data_files: b.csv\n---\n";
  const auto configs = dataset_configs({"a.csv", "b.csv"}, card, "id");
  EXPECT_THAT(failure([&] { choose_config(configs, "", "id"); }), HasSubstr("one of: a, b"));
}

TEST(DatasetCard, prefers_what_the_card_marks_as_default) {
  const std::string card =
      "---\nconfigs:\n- config_name: main\n  data_files: a.csv\n"
      "- config_name: b\n  default: true\n  data_files: b.csv\n---\n";
  EXPECT_THAT(files_of({"a.csv", "b.csv"}, "train", card), ElementsAre("b.csv"));
}

TEST(DatasetCard, looks_into_the_folder_that_it_names) {
  const std::string card = "---\nconfigs:\n- config_name: x\n  data_dir: ./data/x\n---\n";
  const Names files = {"data/x/test.csv", "data/x/train.csv", "data/y/train.csv"};
  EXPECT_THAT(files_of(files, "train", card), ElementsAre("data/x/train.csv"));
}

TEST(DatasetCard, names_a_header_that_does_not_parse) {
  EXPECT_THAT(failure([] { dataset_configs({}, "---\na: [\n---\n", "org/x"); }),
              HasSubstr("org/x"));
}

TEST(DatasetWithoutCard, reads_splits_off_the_names) {
  const Names files = {"data/test-00000-of-00001.parquet", "data/train-00000-of-00002.parquet",
                       "data/train-00001-of-00002.parquet", "README.md", ".gitattributes"};
  EXPECT_THAT(files_of(files, "train"), ElementsAre("data/train-00000-of-00002.parquet",
                                                    "data/train-00001-of-00002.parquet"));
  EXPECT_THAT(files_of({"dev.jsonl", "my_training_set.jsonl"}, "validation"),
              ElementsAre("dev.jsonl"));
  EXPECT_THAT(files_of({"data/oasst-00000-of-00001-abc.parquet"}, "oasst"),
              ElementsAre("data/oasst-00000-of-00001-abc.parquet"));
}

TEST(DatasetWithoutCard, takes_everything_as_train_when_no_name_tells) {
  EXPECT_THAT(files_of({"prompts.csv", "latest.csv"}, "train"),
              ElementsAre("latest.csv", "prompts.csv"));
}

TEST(DatasetWithoutCard, keeps_to_one_format) {
  EXPECT_THAT(files_of({"a.jsonl", "b.jsonl", "notes.txt"}, "train"),
              ElementsAre("a.jsonl", "b.jsonl"));
  EXPECT_TRUE(dataset_configs({"script.py", "README.md"}, "", "id").empty());
}

}  // namespace
}  // namespace aieb::hub
