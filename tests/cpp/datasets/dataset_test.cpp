#include "datasets/dataset.h"

#include <algorithm>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "config/support.h"
#include "core/error.h"
#include "datasets/utf8.h"

namespace aieb {
namespace {

class Files : public testing::Test {
 protected:
  /// The texts of a file written with this name and content.
  std::vector<std::string> texts(const std::string& name, const std::string& content,
                                 const std::string& column = "text") {
    return texts_at(folder_.write(name, content), column);
  }

  std::vector<std::string> texts_at(const std::string& path, const std::string& column = "text",
                                    const std::string& split = "train") {
    ScenarioConfig scenario;
    scenario.dataset_name = path;
    scenario.text_column_name = column;
    scenario.dataset_split = split;
    const auto dataset = open_dataset(scenario);
    std::vector<std::string> texts;
    for (const Prompt& prompt : dataset->prompts(dataset->size(), 0)) texts.push_back(prompt.text);
    return texts;
  }

  /// The DataError's message, with the folder's path taken out.
  std::string error(const std::string& name, const std::string& content,
                    const std::string& column = "text") {
    return error_at(folder_.write(name, content), column);
  }

  std::string error_at(const std::string& path, const std::string& column = "text") {
    try {
      texts_at(path, column);
    } catch (const Error& error) {
      std::string message = error.what();
      const std::string prefix = folder_.path() + "/";
      for (size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix)) {
        message.erase(at, prefix.size());
      }
      return message;
    }
    return "no error";
  }

  test::TemporaryFolder folder_;
};

using Texts = std::vector<std::string>;

TEST_F(Files, of_json_lines_are_read) {
  EXPECT_EQ(texts("a.jsonl", "{\"text\": \"one\"}\r\n\n{\"x\": 1, \"text\": \"zwei\\nü\"}"),
            (Texts{"one", "zwei\nü"}));
}

TEST_F(Files, of_json_may_be_a_list_a_data_list_or_lines) {
  EXPECT_EQ(texts("a.json", "[{\"text\": \"a\"},\n {\"text\": \"b\"}]"), (Texts{"a", "b"}));
  EXPECT_EQ(texts("b.json", R"({"version": 1, "data": [{"text": "a"}]})"), (Texts{"a"}));
  EXPECT_EQ(texts("c.json", "{\"text\": \"a\"}\n{\"text\": \"b\"}\n"), (Texts{"a", "b"}));
}

TEST_F(Files, of_csv_follow_rfc_4180) {
  EXPECT_EQ(
      texts("a.csv", "id,text\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n2,plain \"x\"\r\n\r\n3,\"\"\r\n4,last"),
      (Texts{"a, \"b\"\r\nc", "plain \"x\"", "last"}));
  EXPECT_EQ(texts("b.csv", "\xEF\xBB\xBFtext;n\nx, y;1\n"), (Texts{"x, y"}));
  EXPECT_EQ(texts("a.tsv", "n\ttext\n1\ta, \"b\"\n2\t\"c\td\"\n"), (Texts{"a, \"b\"", "c\td"}));
}

/// Random tables survive a writer that follows the RFC's grammar literally.
TEST_F(Files, of_csv_give_back_random_fields) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string letters = "ab,\"\n\r\t;ü ";
  for (int round = 0; round < 40; ++round) {
    const size_t columns = 1 + random() % 4;
    std::string csv = "text";
    for (size_t c = 1; c < columns; ++c) csv += ",c" + std::to_string(c);
    Texts expected;
    for (int row = 0; row < 8; ++row) {
      for (size_t c = 0; c < columns; ++c) {
        std::string field = "x";
        for (uint64_t i = random() % 9; i > 0; --i) field += letters[random() % 8];
        if (c == 0) expected.push_back(field);
        std::string quoted;
        for (const char letter : field) quoted += letter == '"' ? "\"\"" : std::string(1, letter);
        csv += (c == 0 ? "\n\"" : ",\"") + quoted + "\"";
      }
    }
    EXPECT_EQ(texts("r.csv", csv), expected) << csv;
  }
}

TEST_F(Files, of_text_have_a_prompt_a_line) {
  EXPECT_EQ(texts("a.txt", "one\r\n\n  \ntwo, three", "whatever"), (Texts{"one", "two, three"}));
}

TEST_F(Files, in_a_folder_are_read_in_order_of_their_names) {
  folder_.write("d/b.jsonl", "{\"text\": \"2\"}");
  folder_.write("d/a.csv", "text\n1\n");
  folder_.write("d/sub/c.json", "[{\"text\": \"3\"}]");
  folder_.write("d/LICENSE.txt", "not a prompt");
  folder_.write("d/.hidden.jsonl", "broken");
  folder_.write("d/README.md", "text");
  EXPECT_EQ(texts_at(folder_.path() + "/d"), (Texts{"1", "2", "3"}));
}

TEST_F(Files, in_a_folder_are_chosen_by_split) {
  folder_.write("d/data/test-0.jsonl", "{\"text\": \"test\"}");
  folder_.write("d/data/train-0.jsonl", "{\"text\": \"train\"}");
  EXPECT_EQ(texts_at(folder_.path() + "/d"), Texts{"train"});
  EXPECT_EQ(texts_at(folder_.path() + "/d", "text", "test"), Texts{"test"});
  EXPECT_EQ(texts_at(folder_.path() + "/d", "text", "other"), (Texts{"test", "train"}));
}

TEST_F(Files, without_the_column_list_those_they_have) {
  EXPECT_EQ(error("a.jsonl", "{\"id\": 1, \"question\": \"q\", \"content\": \"c\"}"),
            "a.jsonl:1: no column 'text'; its columns are: id, question, content. Perhaps "
            "scenario.text_column_name: question");
  EXPECT_EQ(error("a.csv", "id,body\n1,x\n"), "a.csv: no column 'text'; its columns are: id, body");
  EXPECT_EQ(error("b.jsonl", "{\"text\": \"a\"}\n{\"prompt\": \"b\"}\n"),
            "b.jsonl:2: no column 'text'; its columns are: prompt. Perhaps "
            "scenario.text_column_name: prompt");
}

TEST_F(Files, that_are_broken_say_where) {
  EXPECT_EQ(error("a.csv", "text,n\n\"a\nb\",1\nc\n"), "a.csv:4: has 1 fields, the header has 2");
  EXPECT_EQ(error("b.csv", "text\n\n\"open\nline"), "b.csv:3: a quoted field is not closed");
  EXPECT_EQ(error("c.csv", "text\n\"a\"b\n"), "c.csv:2: text after a closing quote");
  EXPECT_TRUE(
      error("a.jsonl", "{\"text\": \"a\"}\n{\"text\": ").starts_with("a.jsonl:2: is not JSON: "));
  EXPECT_EQ(error("b.jsonl", "[1]"), "b.jsonl:1: must be a JSON object, found a list");
  EXPECT_EQ(error("c.jsonl", "{\"text\": 7}"),
            "c.jsonl:1: column 'text' must hold texts or conversations, found a number");
  EXPECT_EQ(error("d.jsonl", "{\"text\": \"a\"}\n{\"text\": [\"b\"]}"),
            "d.jsonl:2: column 'text' holds texts in some rows and conversations in others");
  EXPECT_EQ(error("e.jsonl", "{\"text\": [{\"speaker\": \"b\"}]}"),
            "e.jsonl:1: column 'text': a turn must be a text, {role, content} or {from, value}, "
            "found {\"speaker\":\"b\"}");
  EXPECT_EQ(error("a.json", "3"),
            "a.json: must be a list of objects, or an object with such a list as 'data'; found a "
            "number");
  EXPECT_EQ(error("u.txt", "ok\nbad \xC3("), "u.txt:2: is not UTF-8 text; save the file as UTF-8");
  EXPECT_EQ(error("w.txt", "\xFF\xFEh"), "w.txt: is UTF-16; save it as UTF-8");
  EXPECT_TRUE(error("x.docx", "").starts_with("x.docx: unknown kind of file"));
}

TEST_F(Files, without_prompts_are_errors) {
  const std::string path = folder_.path() + "/a.jsonl";
  EXPECT_EQ(error("a.jsonl", ""), "dataset 'a.jsonl' has no prompts");
  EXPECT_EQ(error("b.jsonl", "{\"text\": \" \"}\n{\"text\": null}"),
            "dataset 'b.jsonl' has no prompts: all 2 rows of column 'text' are empty");
  std::filesystem::create_directory(folder_.path() + "/empty");
  EXPECT_TRUE(
      error_at(folder_.path() + "/empty").starts_with("empty: holds no files with prompts"));
}

TEST_F(Files, that_do_not_exist_are_told_from_hub_names) {
  EXPECT_TRUE(error_at("./no/such.jsonl").starts_with("./no/such.jsonl: no such file or folder"));
  EXPECT_TRUE(error_at("prompts.csv").starts_with("prompts.csv: no such file or folder"));
  EXPECT_EQ(error_at("bundled:other"),
            "scenario.dataset_name 'bundled:other' is not a bundled set; there is: quickstart");
  setenv("HF_ENDPOINT", "http://127.0.0.1:9", 1);  // nobody listens there
  EXPECT_NE(error_at("someone/some_data").find("dataset_name: quickstart"), std::string::npos);
  unsetenv("HF_ENDPOINT");
}

TEST(Bundled, prompts_are_many_and_varied) {
  ScenarioConfig scenario;
  scenario.dataset_name = "quickstart";
  const auto dataset = open_dataset(scenario);
  EXPECT_GE(dataset->size(), 60);
  const auto prompts = dataset->prompts(dataset->size(), 0);
  std::set<std::string> different;
  size_t longest = 0;
  for (const Prompt& prompt : prompts) {
    different.insert(prompt.text);
    longest = std::max(longest, prompt.text.size());
  }
  EXPECT_EQ(different.size(), prompts.size());
  EXPECT_GT(longest, 1000U);
  scenario.text_column_name = "category";
  const auto categories = open_dataset(scenario)->prompts(1000, 0);
  std::set<std::string> kinds;
  for (const Prompt& prompt : categories) kinds.insert(prompt.text);
  EXPECT_GE(kinds.size(), 20U);
  scenario.dataset_name = "bundled:quickstart";
  EXPECT_EQ(open_dataset(scenario)->size(), dataset->size());
}

Dataset numbered(int n) {
  std::vector<std::string> texts;
  for (int i = 0; i < n; ++i) texts.push_back(std::to_string(i));
  return {"numbers", std::move(texts), 0};
}

std::vector<int64_t> rows(const std::vector<Prompt>& prompts) {
  std::vector<int64_t> rows;
  for (const Prompt& prompt : prompts) {
    EXPECT_EQ(prompt.text, std::to_string(prompt.row));
    rows.push_back(prompt.row);
  }
  return rows;
}

TEST(Sampling, with_seed_0_takes_the_first) {
  EXPECT_EQ(rows(numbered(5).prompts(3, 0)), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(rows(numbered(2).prompts(3, 0)), (std::vector<int64_t>{0, 1}));
}

TEST(Sampling, with_a_seed_is_the_same_everywhere) {
  // From an independent splitmix64 and Fisher-Yates: a change breaks the comparability of runs.
  EXPECT_EQ(rows(numbered(10).prompts(4, 1)), (std::vector<int64_t>{5, 8, 1, 3}));
}

TEST(Sampling, with_a_seed_has_no_repetition_and_stable_beginnings) {
  const Dataset dataset = numbered(50);
  for (uint64_t seed = 1; seed < 200; ++seed) {
    const auto all = rows(dataset.prompts(50, seed));
    EXPECT_EQ(std::set<int64_t>(all.begin(), all.end()).size(), 50U);
    const auto some = rows(dataset.prompts(7, seed));
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin()));
  }
}

TEST(Sampling, is_uniform) {
  // 10 rows, 20 000 draws of one: each is expected 2000 times, standard deviation 42.
  std::vector<int> counts(10);
  const Dataset dataset = numbered(10);
  for (uint64_t seed = 1; seed <= 20000; ++seed) {
    ++counts[static_cast<size_t>(dataset.prompts(1, seed)[0].row)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 2000, 6 * 42);
}

TEST(Utf8, well_formed_is_exactly_what_the_standard_says) {
  const auto valid = [](std::string_view text) {
    return first_invalid_utf8(text) == std::string_view::npos;
  };
  EXPECT_TRUE(
      valid("a\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
  EXPECT_FALSE(valid("\xC0\x80"));          // overlong
  EXPECT_FALSE(valid("\xE0\x9F\xBF"));      // overlong
  EXPECT_FALSE(valid("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(valid("\xF4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(valid("\xE2\x82"));          // cut off
  EXPECT_EQ(first_invalid_utf8("ab\xFFz"), 2U);
}

}  // namespace
}  // namespace aieb
