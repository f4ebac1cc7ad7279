#include "bridge/chat_template.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace aieb {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

std::string render(const std::string& source, const Json& variables = Json::object(),
                   const std::vector<Message>& messages = {{"user", "Hi"}}) {
  return ChatTemplate(source, "test").render(messages, variables);
}

TEST(ChatTemplate, renders_messages_with_the_given_variables) {
  const std::string source =
      "{{ bos_token }}{% for m in messages %}<{{ m['role'] }}>{{ m.content }}{% endfor %}"
      "{% if add_generation_prompt %}<assistant>{% endif %}";
  TokenizerSettings settings;
  settings.special_tokens["bos_token"] = "<s>";
  EXPECT_EQ(render(source, template_variables(settings, true)), "<s><user>Hi<assistant>");
  EXPECT_EQ(render(source, template_variables(settings, false, {{"bos_token", "<b>"}})),
            "<b><user>Hi");
}

TEST(ChatTemplate, trims_white_space_around_blocks) {
  EXPECT_EQ(render("{% if true %}\n  {% set x = 1 %}\n  a\n{% endif %}\nb\n"), "  a\nb");
}

TEST(ChatTemplate, writes_json_like_python) {
  const Json value =
      Json::parse(R"({"b": "<é'\u0001&\">", "a": [1, 2.0, true, null, 1e-7], "e": {}})");
  const Json variables = {{"v", value}};
  EXPECT_EQ(render("{{ v | tojson }}", variables),
            R"({"b": "<é'\u0001&\">", "a": [1, 2.0, true, null, 1e-07], "e": {}})");
  EXPECT_EQ(render("{{ v | tojson(indent=2, sort_keys=true) }}", variables),
            "{\n  \"a\": [\n    1,\n    2.0,\n    true,\n    null,\n    1e-07\n  ],\n"
            "  \"b\": \"<é'\\u0001&\\\">\",\n  \"e\": {}\n}");
  EXPECT_EQ(render("{{ 'é😀' | tojson(ensure_ascii=true) }}"), "\"\\u00e9\\ud83d\\ude00\"");
  EXPECT_EQ(render("{{ {'a': [1, 2]} | tojson(separators=(',', ':')) }}"), "{\"a\":[1,2]}");
}

TEST(ChatTemplate, knows_pythons_string_methods) {
  EXPECT_EQ(render("{{ 'a,b,c'.split(',', 1)[1] }}|{{ ' x '.strip() }}|{{ 'ab'.startswith('a') }}"),
            "b,c|x|True");
  EXPECT_EQ(render("{{ 'a</think>b'.split('</think>')[-1].lstrip('\\n') }}"), "b");
  EXPECT_EQ(render("{{ 'a b  c'.split() | join('-') }}|{{ 'a.b.c'.rsplit('.', maxsplit=1)[0] }}"),
            "a-b-c|a.b");
  EXPECT_EQ(render("{{ 'prefix-x'.removeprefix('prefix-') }}{{ 'k=v'.partition('=')[2] }}"), "xv");
}

TEST(ChatTemplate, tells_none_from_undefined_and_prints_like_python) {
  EXPECT_EQ(
      render("{{ x is none }}{{ y is defined }}{{ y is none }}{{ x }}[{{ y }}]", {{"x", nullptr}}),
      "TrueFalseFalseNone[]");
  EXPECT_EQ(render("{{ ['a', 1, true, none] }}{{ {'k': 'v'} }}"), "['a', 1, True, None]{'k': 'v'}");
}

TEST(ChatTemplate, supports_namespaces_slices_and_loop_controls) {
  EXPECT_EQ(render("{% set ns = namespace(n=0) %}{% for i in [1, 2, 3, 4][1:] + [9] %}"
                   "{% if i == 3 %}{% continue %}{% endif %}{% if i == 9 %}{% break %}{% endif %}"
                   "{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}"),
            "6");
}

TEST(ChatTemplate, treats_text_as_a_sequence_but_not_as_a_mapping) {
  EXPECT_EQ(
      render("{{ 'a' is sequence }}{{ 'a' is mapping }}{{ {} is sequence }}{{ 1 is iterable }}"),
      "TrueFalseTrueFalse");
}

TEST(ChatTemplate, ignores_the_markers_of_generated_text) {
  EXPECT_EQ(render("{% generation %}a{%- endgeneration -%} b"), "ab");
}

TEST(ChatTemplate, formats_the_given_time) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const ChatTemplate clock("{{ strftime_now('%d %b %Y') }}", "test");
  EXPECT_EQ(clock.render(std::vector<Message>{}, Json::object(), 1706616000), "30 Jan 2024");
}

TEST(ChatTemplate, passes_on_what_raise_exception_says) {
  const std::string source =
      "{% macro check(m) %}{{ raise_exception('Roles must alternate!') }}{% endmacro %}"
      "{{ check(1) }}";
  try {
    render(source);
    FAIL() << "nothing was thrown";
  } catch (const ModelError& e) {
    EXPECT_STREQ(e.what(), "test: Roles must alternate!");
  }
}

TEST(ChatTemplate, names_the_line_of_other_errors) {
  try {
    render("a\n{{ missing.attribute }}");
    FAIL() << "nothing was thrown";
  } catch (const ModelError& e) {
    EXPECT_THAT(e.what(), HasSubstr("line 2"));
  }
  EXPECT_THROW(ChatTemplate("{% if %}", "test"), ModelError);
}

TEST(ChatTemplate, keeps_one_failure_out_of_the_next_rendering) {
  const ChatTemplate failing("{{ raise_exception('first') }}", "test");
  EXPECT_THROW((void)failing.render(std::vector<Message>{}, Json::object()), ModelError);
  try {
    render("{{ missing.attribute }}");
    FAIL() << "nothing was thrown";
  } catch (const ModelError& e) {
    EXPECT_THAT(e.what(), Not(HasSubstr("first")));
  }
}

TEST(ChatTemplate, says_whether_it_has_a_switch) {
  const ChatTemplate thinking("{% if enable_thinking is defined %}t{% endif %}", "test");
  EXPECT_TRUE(thinking.mentions("enable_thinking"));
  EXPECT_FALSE(thinking.mentions("thinking"));
}

class ChatTemplateFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "aieb-template-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    fs::create_directories(folder_ / "additional_chat_templates");
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  std::string chosen(const std::string& name = "") {
    return load_chat_template(folder_, name).value().source();
  }
  fs::path folder_;
};

TEST_F(ChatTemplateFolder, has_none_for_a_base_model) {
  write("tokenizer_config.json", R"({"chat_template": null})");
  EXPECT_FALSE(load_chat_template(folder_).has_value());
}

TEST_F(ChatTemplateFolder, prefers_the_newer_files) {
  write("tokenizer_config.json", R"({"chat_template": "from config"})");
  EXPECT_EQ(chosen(), "from config");
  write("chat_template.json", R"({"chat_template": "from json"})");
  EXPECT_EQ(chosen(), "from json");
  write("chat_template.jinja", "from jinja");
  EXPECT_EQ(chosen(), "from jinja");
}

TEST_F(ChatTemplateFolder, chooses_among_named_templates) {
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "default", "template": "d"},
                              {"name": "tool_use", "template": "t"}]})");
  write("additional_chat_templates/rag.jinja", "r");
  EXPECT_EQ(chosen(), "d");
  EXPECT_EQ(chosen("tool_use"), "t");
  EXPECT_EQ(chosen("rag"), "r");
  try {
    chosen("tools");
    FAIL() << "nothing was thrown";
  } catch (const ModelError& e) {
    EXPECT_THAT(e.what(), HasSubstr("default, rag, tool_use"));
  }
}

TEST(ChatTemplateGguf, reads_the_template_of_the_metadata) {
  const Json metadata = {{"tokenizer.chat_template", "d"},
                         {"tokenizer.chat_template.tool_use", "t"}};
  EXPECT_EQ(chat_template_from_gguf(metadata).value().source(), "d");
  EXPECT_EQ(chat_template_from_gguf(metadata, "tool_use").value().source(), "t");
  EXPECT_FALSE(chat_template_from_gguf(Json::object()).has_value());
}

}  // namespace
}  // namespace aieb
