#include "config/generation_options.h"
#include "config/option_table.h"
#include "config/support.h"

namespace aieb {
namespace {

using test::parse;

TEST(Defaults, are_the_references) {
  const BenchmarkConfig config = parse("").config;
  EXPECT_EQ(config.backend.type, "vllm");
  EXPECT_EQ(config.backend.device, "cuda");
  EXPECT_EQ(config.backend.device_ids, std::vector<int>{0});
  EXPECT_EQ(config.backend.model, "openai/gpt-oss-120b");
  EXPECT_EQ(config.backend.endpoint, "http://localhost:8000/v1");
  EXPECT_EQ(config.scenario.dataset_name, "AIEnergyScore/text_generation");
  EXPECT_EQ(config.scenario.num_samples, 10);
  EXPECT_EQ(config.scenario.generate_kwargs,
            Json({{"max_new_tokens", 100}, {"min_new_tokens", 50}}));
  EXPECT_EQ(config.metrics.country_iso_code, "USA");
  EXPECT_FALSE(config.metrics.location_given);
  ASSERT_EQ(config.reporters.size(), 1U);
  EXPECT_EQ(config.reporters[0].output_file, "./results/benchmark_results.csv");
}

TEST(Defaults, satisfy_their_own_rows) {
  for (const ConfigOption& option : option_table()) {
    const Json value = default_of(option);
    if (value.is_null()) continue;
    const auto typed = typed_value(node_from_json(value, {"default", 0}), option);
    ASSERT_TRUE(typed) << option.key << " = " << value;
    EXPECT_EQ(*typed, value) << option.key;
  }
}

TEST(Table, has_every_key_once_with_a_description) {
  std::vector<std::string> keys;
  for (const ConfigOption& option : option_table()) {
    EXPECT_FALSE(option.description.empty()) << option.key;
    EXPECT_FALSE(is_section(option.key)) << option.key << " is both a key and a section";
    EXPECT_EQ(std::count(keys.begin(), keys.end(), option.key), 0) << option.key;
    keys.push_back(option.key);
  }
}

TEST(Table, environment_and_aliases_name_known_keys) {
  for (const EnvironmentOption& row : environment_table()) {
    std::string key(row.key);
    if (!find_option(key)) key = key.substr(0, key.rfind('.'));
    EXPECT_NE(find_option(key), nullptr) << row.variable;
  }
  for (const KeyAlias& alias : key_aliases()) {
    EXPECT_NE(find_option(alias.key), nullptr) << alias.spelling;
  }
}

TEST(Values, get_their_type_from_the_table_not_from_quotes) {
  const BenchmarkConfig config = parse(R"(
name: 123
backend: {model: 1.50, device_ids: "0, 2", trust_remote_code: "yes"}
scenario: {num_samples: "7", use_chat_template: false}
metrics: {region: null, pue: 2}
)")
                                     .config;
  EXPECT_EQ(config.name, "123");
  EXPECT_EQ(config.backend.model, "1.50");
  EXPECT_EQ(config.backend.device_ids, (std::vector<int>{0, 2}));
  EXPECT_TRUE(config.backend.trust_remote_code);
  EXPECT_EQ(config.scenario.num_samples, 7);
  EXPECT_EQ(config.scenario.use_chat_template, "false");
  EXPECT_EQ(config.metrics.region, "");
  EXPECT_EQ(config.metrics.pue, 2.0);
}

TEST(Values, of_mappings_without_rows_keep_yamls_types) {
  const Json kwargs = parse(R"(
scenario:
  generate_kwargs: {max_new_tokens: 5, a: "1", b: 1, c: 1e-5, d: true, e: ~, f: text, g: 0x10, h: [1, x]}
)")
                          .config.scenario.generate_kwargs;
  EXPECT_EQ(kwargs, Json::parse(R"({"max_new_tokens": 5, "a": "1", "b": 1, "c": 1e-5, "d": true,
                                    "e": null, "f": "text", "g": 16, "h": [1, "x"]})"));
}

TEST(Values, given_generate_kwargs_replace_the_default_as_a_whole) {
  const auto config = parse("scenario: {generate_kwargs: {temperature: 0.5}}").config;
  EXPECT_EQ(config.scenario.generate_kwargs, Json({{"temperature", 0.5}}));
  const GenerationParams params = generation_params(config.scenario);
  EXPECT_EQ(params.max_new_tokens, 100);
  EXPECT_EQ(params.min_new_tokens, 0);
  EXPECT_TRUE(params.samples());
}

TEST(Values, device_maps_and_memory_limits_may_be_nested) {
  const auto backend = parse(R"(
backend:
  device_map: {model.embed_tokens: 0, model.layers.0: cpu}
  max_memory:
    0: "20GB"
    cpu: 30GB
)")
                           .config.backend;
  EXPECT_EQ(backend.device_map, Json({{"model.embed_tokens", 0}, {"model.layers.0", "cpu"}}));
  EXPECT_EQ(backend.max_memory, Json({{"0", "20GB"}, {"cpu", "30GB"}}));
  EXPECT_EQ(parse("backend: {device_map: balanced_low_0}").config.backend.device_map,
            "balanced_low_0");
  EXPECT_EQ(parse("backend: {device_map: cuda:1}").config.backend.device_map, "cuda:1");
}

TEST(Values, sections_of_ours_are_read) {
  const BenchmarkConfig config = parse(R"(
backend: {headers: {Authorization: "Bearer x", X-Team: 7}, threads: 4}
scenario:
  input_shapes: {batch_size: 4}
  timeouts: {connect_s: 1, total_s: 2.5}
  load: {mode: closed, concurrency: 8, request_rate: 2}
  slo: {ttft_ms: 200, energy_j: 3}
metrics: {price: {currency: EUR, per_kwh: 0.3}, sources: [{url: "http://a:9400/metrics"}], idle_s: 0}
)")
                                     .config;
  EXPECT_EQ(config.backend.headers.at("X-Team"), "7");
  EXPECT_EQ(config.backend.threads, 4);
  EXPECT_EQ(config.scenario.batch_size, 4);
  EXPECT_EQ(config.scenario.timeouts.total_s, 2.5);
  EXPECT_EQ(config.scenario.load.concurrency, 8);
  EXPECT_EQ(config.scenario.slo, Json({{"ttft_ms", 200.0}, {"energy_j", 3.0}}));
  EXPECT_EQ(config.metrics.price.currency, "EUR");
  EXPECT_EQ(config.metrics.sources[0]["url"], "http://a:9400/metrics");
  EXPECT_EQ(config.metrics.idle_s, 0);
}

TEST(Values, location_is_given_when_any_source_names_one) {
  EXPECT_TRUE(parse("metrics: {country_iso_code: USA}").config.metrics.location_given);
  EXPECT_TRUE(parse("metrics: {region: texas}").config.metrics.location_given);
  EXPECT_FALSE(parse("metrics: {region: null}").config.metrics.location_given);
  EXPECT_TRUE(parse("", {"metrics.country_iso_code=FRA"}).config.metrics.location_given);
  const test::ScopedEnvironment environment({{"REGION", "california"}});
  EXPECT_TRUE(parse_config("", {.path = "a.yaml", .overrides = {}}).config.metrics.location_given);
}

TEST(Reporters, may_be_a_mapping_or_a_list) {
  const auto one = parse("reporter: {type: json}").config.reporters;
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].output_file, "./results/benchmark_results.json");
  const auto two = parse("reporter: [{type: csv, output_file: a.csv}, {type: json}]").config;
  ASSERT_EQ(two.reporters.size(), 2U);
  EXPECT_EQ(two.reporters[0].output_file, "a.csv");
  EXPECT_EQ(two.reporters[1].type, "json");
}

TEST(Yaml, merge_keys_and_aliases_work) {
  const auto config = parse(R"(
backend: &base {type: pytorch, model: a, device: cpu}
scenario:
  reasoning_params: {<<: {enable_thinking: true, x: 1}, x: 2}
)")
                          .config;
  EXPECT_EQ(config.scenario.reasoning_params, Json({{"x", 2}, {"enable_thinking", true}}));
}

TEST(JsonFiles, are_read_like_yaml) {
  const auto config =
      parse("{\n\t\"name\": \"\\ud83d\\ude00\",\n\t\"scenario\": {\"num_samples\": 3}}", {}, false,
            "a.json")
          .config;
  EXPECT_EQ(config.name, "\xF0\x9F\x98\x80");
  EXPECT_EQ(config.scenario.num_samples, 3);
}

TEST(RoundTrip, keeps_every_value) {
  BenchmarkConfig config = parse(R"(
name: "a: b #c"
backend: {type: openai, device_ids: [1, 3], headers: {A: b}, max_memory: {0: 20GB}, pad_token_id: 0}
scenario: {seed: 9007199254740991, generate_kwargs: {stop: [a, b], x: {y: [1]}}, slo: {itl_ms: 1.5}}
metrics: {country_iso_code: DEU, carbon_intensity_g_per_kwh: 0}
reporter: [{type: json, output_file: x.json}, {type: csv}]
)")
                               .config;
  const Json json = to_json(config);
  const BenchmarkConfig again = config_from_json(json);
  EXPECT_EQ(to_json(again), json);
  EXPECT_EQ(again.scenario.seed, 9007199254740991U);
  EXPECT_TRUE(again.metrics.location_given);
  EXPECT_EQ(again.reporters[0].output_file, "x.json");
  EXPECT_EQ(to_json(parse(json.dump(), {}, true, "a.json").config), json);
}

TEST(PublicJson, hides_secrets) {
  const auto config = parse(R"(
backend: {endpoint: "https://me:pass@host:8000/a@b/v1", headers: {Authorization: Bearer secret}}
)")
                          .config;
  const Json shown = to_public_json(config)["backend"];
  EXPECT_EQ(shown["endpoint"], "https://(hidden)@host:8000/a@b/v1");
  EXPECT_EQ(shown["headers"], Json({{"Authorization", "(hidden)"}}));
  EXPECT_EQ(to_public_json(BenchmarkConfig{}), to_json(BenchmarkConfig{}));
}

TEST(RoundTrip, ignores_keys_of_other_versions) {
  Json json = to_json(BenchmarkConfig{});
  json["backend"]["modle"] = 1;
  json["future"] = {{"x", 1}};
  EXPECT_EQ(to_json(config_from_json(json)), to_json(BenchmarkConfig{}));
}

TEST(GenerationParameters, are_typed_and_the_rest_is_kept_for_servers) {
  ScenarioConfig scenario;
  scenario.generate_kwargs = {{"max_tokens", 7},
                              {"min_p", 0.1},
                              {"stop", "END"},
                              {"top_k", "5"},
                              {"seed", 3},
                              {"temperature", nullptr},
                              {"logit_bias", {{"5", -1}}}};
  const GenerationParams params = generation_params(scenario);
  EXPECT_EQ(params.max_new_tokens, 7);
  EXPECT_EQ(params.min_p, 0.1);
  EXPECT_EQ(params.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(params.top_k, 5);
  EXPECT_EQ(params.seed, 3U);
  EXPECT_EQ(params.temperature, std::nullopt);
  EXPECT_EQ(params.extra, Json({{"logit_bias", {{"5", -1}}}}));
}

TEST(GenerationParameters, of_a_program_are_checked_too) {
  ScenarioConfig scenario;
  scenario.generate_kwargs = {{"top_p", 1.5}, {"max_new_tokens", 2}, {"min_new_tokens", 3}};
  try {
    generation_params(scenario);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "scenario.generate_kwargs: 'top_p' must be a number from 0 to 1, found '1.5'\n"
                 "scenario.generate_kwargs: 'min_new_tokens' (3) is above 'max_new_tokens' (2)");
  }
}

}  // namespace
}  // namespace aieb
