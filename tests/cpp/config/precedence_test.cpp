#include <gmock/gmock.h>

#include "config/expand.h"
#include "config/support.h"

namespace aieb {
namespace {

using test::error_of;
using test::parse;
using test::ScopedEnvironment;
using ::testing::HasSubstr;

TEST(Precedence, is_file_then_environment_then_overrides) {
  const ScopedEnvironment environment({{"NUM_SAMPLES", "20"}, {"BENCHMARK_MODEL", "gpt2"}});
  const std::string text = "backend: {model: a, type: pytorch}\nscenario: {num_samples: 10}";
  const auto config =
      parse_config(text, {.path = "a.yaml", .overrides = {"scenario.num_samples=30"}}).config;
  EXPECT_EQ(config.scenario.num_samples, 30);
  EXPECT_EQ(config.backend.model, "gpt2");
  EXPECT_EQ(config.backend.type, "pytorch");
  EXPECT_EQ(parse(text).config.scenario.num_samples, 10) << "the environment was not asked for";
}

TEST(Environment, sets_every_documented_key) {
  const ScopedEnvironment environment({{"BENCHMARK_BACKEND", "pytorch"},
                                       {"BENCHMARK_MODEL", "m"},
                                       {"VLLM_ENDPOINT", "http://h:1/v1"},
                                       {"NUM_SAMPLES", "3"},
                                       {"MAX_NEW_TOKENS", "77"},
                                       {"VLLM_TIMEOUT", "300"},
                                       {"COUNTRY_ISO_CODE", "DEU"},
                                       {"REGION", "berlin"},
                                       {"OUTPUT_DIR", "/o"},
                                       {"RESULTS_FILE", "/r.csv"}});
  const auto config = load_config({}).config;
  EXPECT_EQ(config.backend.type, "pytorch");
  EXPECT_EQ(config.backend.model, "m");
  EXPECT_EQ(config.backend.endpoint, "http://h:1/v1");
  EXPECT_EQ(config.scenario.num_samples, 3);
  EXPECT_EQ(config.scenario.generate_kwargs,
            Json({{"max_new_tokens", 77}, {"min_new_tokens", 50}}));
  EXPECT_EQ(config.scenario.timeouts.total_s, 300);
  EXPECT_EQ(config.metrics.country_iso_code, "DEU");
  EXPECT_EQ(config.metrics.region, "berlin");
  EXPECT_EQ(config.output_dir, "/o");
  EXPECT_EQ(config.reporters.at(0).output_file, "/r.csv");
}

TEST(Environment, that_is_empty_counts_as_unset) {
  const ScopedEnvironment environment({{"NUM_SAMPLES", ""}, {"REGION", ""}});
  const auto config = load_config({}).config;
  EXPECT_EQ(config.scenario.num_samples, 10);
  EXPECT_FALSE(config.metrics.location_given);
}

TEST(Environment, values_are_text_not_yaml) {
  const ScopedEnvironment environment({{"BENCHMARK_MODEL", "[a: {b"}});
  EXPECT_EQ(load_config({}).config.backend.model, "[a: {b");
}

TEST(MaxNewTokens, from_the_environment_lowers_the_minimum_with_a_warning) {
  const ScopedEnvironment environment({{"MAX_NEW_TOKENS", "20"}});
  const LoadedConfig loaded = parse_config(
      "scenario: {generate_kwargs: {max_new_tokens: 90, min_new_tokens: 40, top_k: 3}}",
      {.path = "a.yaml", .overrides = {}});
  EXPECT_EQ(loaded.config.scenario.generate_kwargs,
            Json({{"max_new_tokens", 20}, {"min_new_tokens", 20}, {"top_k", 3}}));
  EXPECT_EQ(loaded.warnings,
            std::vector<std::string>{"environment variable MAX_NEW_TOKENS: "
                                     "'scenario.generate_kwargs.min_new_tokens' is lowered from 40 "
                                     "to 20, the new 'max_new_tokens'"});
}

TEST(ResultsFile, goes_to_the_first_csv_reporter) {
  const ScopedEnvironment environment({{"RESULTS_FILE", "x.csv"}});
  const auto config = parse_config(
      "reporter: [{type: json, output_file: j}, {type: csv, output_file: c}, {type: csv}]",
      {.path = "a.yaml", .overrides = {}});
  EXPECT_EQ(config.config.reporters[0].output_file, "j");
  EXPECT_EQ(config.config.reporters[1].output_file, "x.csv");
  const auto none = parse_config("reporter: {type: json}", {.path = "a.yaml", .overrides = {}});
  EXPECT_EQ(none.warnings,
            std::vector<std::string>{"environment variable RESULTS_FILE: ignored: the "
                                     "configuration has no csv reporter"});
}

TEST(Overrides, are_yaml_values_at_dotted_keys) {
  const auto config = parse("reporter: [{type: csv}, {type: json}]",
                            {"backend.device_ids=[1, 2]", "backend.max_memory.0=3GB",
                             "scenario.generate_kwargs.top_p=0.5", "reporter.1.output_file=b",
                             "reporter.output_file=a", "scenario.batch_size=4",
                             "scenario={num_samples: 7}", "metrics.region=", "name='a=b'"})
                          .config;
  EXPECT_EQ(config.backend.device_ids, (std::vector<int>{1, 2}));
  EXPECT_EQ(config.backend.max_memory, Json({{"0", "3GB"}}));
  EXPECT_EQ(config.scenario.generate_kwargs,
            Json({{"max_new_tokens", 100}, {"min_new_tokens", 50}, {"top_p", 0.5}}));
  EXPECT_EQ(config.reporters[0].output_file, "a");
  EXPECT_EQ(config.reporters[1].output_file, "b");
  EXPECT_EQ(config.scenario.batch_size, 4);
  EXPECT_EQ(config.scenario.num_samples, 7);
  EXPECT_EQ(config.name, "a=b");
}

TEST(Overrides, of_a_whole_mapping_replace_it) {
  const auto config = parse("scenario: {generate_kwargs: {max_new_tokens: 9, top_k: 2}}",
                            {"scenario.generate_kwargs={max_new_tokens: 4}"})
                          .config;
  EXPECT_EQ(config.scenario.generate_kwargs, Json({{"max_new_tokens", 4}}));
}

TEST(Overrides, with_a_colon_are_text_where_no_mapping_may_stand) {
  const ScopedEnvironment environment({{"AIEB_TEST_NAME", "ab"}});
  const std::vector<std::pair<std::string, std::string>> texts = {
      {"Question:", "Question:"},    {"a: b", "a: b"},   {"a: b: c", "a: b: c"},
      {"${AIEB_TEST_NAME}:", "ab:"}, {"'a: b'", "a: b"}, {"a:b", "a:b"},
  };
  for (const auto& [text, name] : texts) {
    EXPECT_EQ(parse("", {"name=" + text}).config.name, name) << text;
  }
  const auto kwargs =
      parse("", {"scenario.generate_kwargs.stop=Q:"}).config.scenario.generate_kwargs;
  EXPECT_EQ(kwargs["stop"], Json({"Q:"}));
  EXPECT_THAT(error_of("", {"metrics.pue=x:"}), HasSubstr("found 'x:'"));
  EXPECT_THAT(error_of("", {"name={a: b}"}), HasSubstr("found a mapping"));
  EXPECT_EQ(parse("", {"scenario.generate_kwargs=top_k: 2"}).config.scenario.generate_kwargs,
            Json({{"top_k", 2}}));
}

TEST(Overrides, of_null_bring_the_default_back) {
  const auto config =
      parse("backend: {device_map: auto}\nscenario: {reasoning_params: {enable_thinking: true}}",
            {"backend.device_map=null", "scenario.reasoning_params=null"})
          .config;
  EXPECT_TRUE(config.backend.device_map.is_null());
  EXPECT_TRUE(config.scenario.reasoning_params.is_null());
}

TEST(Overrides, of_missing_list_items_are_errors) {
  EXPECT_EQ(error_of("reporter: [{type: csv}]", {"reporter.3.type=json"}),
            "override 'reporter.3.type=json': the list has no such item");
}

TEST(Aliases, of_older_files_are_understood) {
  const auto config =
      parse("reasoning_params: {enable_thinking: true}\nscenario: {batch_size: 3}", {}, true)
          .config;
  EXPECT_EQ(config.scenario.reasoning_params, Json({{"enable_thinking", true}}));
  EXPECT_EQ(config.scenario.batch_size, 3);
}

TEST(Variables, are_typed_after_expansion_quoted_or_not) {
  const ScopedEnvironment environment({{"AIEB_N", "12"}, {"AIEB_EMPTY", ""}});
  const auto config = parse(R"(
name: "run-${AIEB_N}-${AIEB_UNSET:-x}"
backend: {device_ids: "${AIEB_UNSET:-[0, 1]}", endpoint: "http://${AIEB_UNSET:-h}:${AIEB_N}/v1"}
scenario:
  num_samples: "${AIEB_N}"
  generate_kwargs: {a: "${AIEB_N}", b: '${AIEB_UNSET:-true}', c: "$${AIEB_N}", d: "${AIEB_EMPTY:-e}"}
  seed: ${AIEB_UNSET:-${AIEB_N}}
)")
                          .config;
  EXPECT_EQ(config.name, "run-12-x");
  EXPECT_EQ(config.backend.device_ids, (std::vector<int>{0, 1}));
  EXPECT_EQ(config.backend.endpoint, "http://h:12/v1");
  EXPECT_EQ(config.scenario.num_samples, 12);
  EXPECT_EQ(config.scenario.generate_kwargs,
            Json({{"a", 12}, {"b", true}, {"c", "${AIEB_N}"}, {"d", "e"}}));
  EXPECT_EQ(config.scenario.seed, 12U);
}

TEST(Variables, malformed_are_refused) {
  const VariableLookup none = [](const std::string&) { return std::nullopt; };
  for (const char* text : {"${", "${}", "${1A}", "${A-b}", "${A:b}", "x ${A"}) {
    EXPECT_THROW(expand_variables(text, none), ConfigError) << text;
  }
  EXPECT_EQ(expand_variables("$A $$ } {", none), "$A $$ } {");
}

TEST(Fragments, compose_in_order_and_the_file_wins) {
  const test::TemporaryFolder folder;
  folder.write("backend/pytorch.yaml", "type: pytorch\ndevice: cpu\nmodel: from_fragment\n");
  folder.write("scenario/quick.yaml",
               "scenario: {num_samples: 5, generate_kwargs: {max_new_tokens: 8, top_k: 1}}\n");
  folder.write("scenario/more.json", R"({"num_samples": 6, "seed": 4})");
  const auto path = folder.write("main.yaml", R"(
defaults:
  - backend/pytorch
  - scenario: quick
  - scenario/more
backend: {model: own}
scenario: {generate_kwargs: {max_new_tokens: 9}}
)");
  const auto config =
      load_config({.path = path, .overrides = {}, .apply_environment = false, .strict = true})
          .config;
  EXPECT_EQ(config.backend.type, "pytorch");
  EXPECT_EQ(config.backend.device, "cpu");
  EXPECT_EQ(config.backend.model, "own");
  EXPECT_EQ(config.scenario.num_samples, 6);
  EXPECT_EQ(config.scenario.seed, 4U);
  EXPECT_EQ(config.scenario.generate_kwargs, Json({{"max_new_tokens", 9}}));
}

TEST(Fragments, after_self_win) {
  const test::TemporaryFolder folder;
  folder.write("backend/a.yaml", "model: fragment");
  const auto path =
      folder.write("main.yaml", "defaults: [_self_, backend/a]\nbackend: {model: own}\n");
  EXPECT_EQ(load_config({.path = path, .overrides = {}}).config.backend.model, "fragment");
}

TEST(Fragments, errors_name_their_own_file) {
  const test::TemporaryFolder folder;
  const auto fragment = folder.write("backend/a.yaml", "type: pytorch\nmodle: x\n");
  folder.write("loop.yaml", "defaults: [loop]");
  const auto message = [&](const std::string& text) {
    return error_of(text, {}, false, folder.path() + "/main.yaml");
  };
  EXPECT_EQ(message("defaults: [backend/a]"),
            fragment + ":2: unknown key 'backend.modle' (did you mean 'model'?)");
  EXPECT_EQ(message("\ndefaults: [backend/b]"), folder.path() + "/main.yaml:2: no file " +
                                                    folder.path() +
                                                    "/backend/b.yaml (did you mean 'a'?)");
  EXPECT_EQ(message("defaults: [loop]"),
            folder.path() + "/loop.yaml:1: 'defaults' include each other in a circle");
  EXPECT_EQ(message("defaults: x"),
            folder.path() + "/main.yaml:1: 'defaults' must be a list, found 'x'");
}

}  // namespace
}  // namespace aieb
