#include "config/support.h"

namespace aieb {
namespace {

using test::error_of;
using test::parse;

struct Mistake {
  const char* text;
  const char* message;
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.message; }

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, are_explained) { EXPECT_EQ(error_of(GetParam().text), GetParam().message); }

INSTANTIATE_TEST_SUITE_P(
    Errors, Mistakes,
    testing::Values(
        Mistake{"\n\nscenario:\n  num_sample: 3\n",
                "a.yaml:4: unknown key 'scenario.num_sample' (did you mean 'num_samples'?)"},
        Mistake{"backnd: {type: vllm}", "a.yaml:1: unknown key 'backnd' (did you mean 'backend'?)"},
        Mistake{"scenario:\n  num_samples: ten",
                "a.yaml:2: 'scenario.num_samples' must be a whole number of at least 1, found "
                "'ten'"},
        Mistake{"scenario:\n  num_samples: 0",
                "a.yaml:2: 'scenario.num_samples' must be a whole number of at least 1, found '0'"},
        Mistake{"scenario: {num_samples: 2.0}",
                "a.yaml:1: 'scenario.num_samples' must be a whole number of at least 1, found "
                "'2.0'"},
        Mistake{"scenario: {num_samples: 99999999999}",
                "a.yaml:1: 'scenario.num_samples' must be a whole number of at least 1, found "
                "'99999999999'"},
        Mistake{"scenario: {num_samples: [1]}",
                "a.yaml:1: 'scenario.num_samples' must be a whole number of at least 1, found a "
                "list"},
        Mistake{"scenario:\n  num_samples:",
                "a.yaml:2: 'scenario.num_samples' must be a whole number of at least 1, found "
                "nothing"},
        Mistake{"scenario: 5", "a.yaml:1: 'scenario' must be a mapping of keys, found '5'"},
        Mistake{"- a\n- b",
                "a.yaml:1: must be a mapping of keys (name:, backend:, scenario:, …), found a "
                "list"},
        Mistake{"backend:\n  type: pytroch",
                "a.yaml:2: 'backend.type' must be one of pytorch, vllm, openai, ollama, found "
                "'pytroch' (did you mean 'pytorch'?)"},
        Mistake{"backend: {device: gpu}",
                "a.yaml:1: 'backend.device' must be one of auto, cuda, cpu, cuda:N, found 'gpu' "
                "(did you mean 'cpu'?)"},
        Mistake{"backend: {device_map: blanced}",
                "a.yaml:1: 'backend.device_map' must be one of auto, balanced, balanced_low_0, "
                "sequential, a device, found 'blanced' (did you mean 'balanced'?)"},
        Mistake{"backend: {torch_dtype: int3}",
                "a.yaml:1: 'backend.torch_dtype' must be one of auto, float16, bfloat16, float32, "
                "found 'int3'"},
        Mistake{"backend: {device_ids: [0, 0]}",
                "a.yaml:1: 'backend.device_ids' must be a list of different whole numbers of at "
                "least 0, found a list"},
        Mistake{"backend: {model: \"\"}", "a.yaml:1: 'backend.model' must be a text, found ''"},
        Mistake{"metrics: {enabled: maybe}",
                "a.yaml:1: 'metrics.enabled' must be true or false, found 'maybe'"},
        Mistake{"metrics: {pue: .inf}",
                "a.yaml:1: 'metrics.pue' must be a number of at least 1, found '.inf'"},
        Mistake{"scenario: {timeouts: {total_s: 0}}",
                "a.yaml:1: 'scenario.timeouts.total_s' must be a number above 0, found '0'"},
        Mistake{"scenario:\n  generate_kwargs:\n    max_new_token: 5\n    top_p: 2",
                "a.yaml:3: unknown key 'scenario.generate_kwargs.max_new_token' (did you mean "
                "'max_new_tokens'?)\na.yaml:4: 'scenario.generate_kwargs.top_p' must be a number "
                "from 0 to 1, found '2'"},
        Mistake{"scenario:\n  generate_kwargs:\n    max_new_tokens: 5\n    min_new_tokens: 6",
                "a.yaml:4: 'scenario.generate_kwargs.min_new_tokens' (6) is above "
                "'max_new_tokens' (5)"},
        Mistake{"scenario: {reasoning_params: {enable_thinkin: true}}",
                "a.yaml:1: unknown key 'scenario.reasoning_params.enable_thinkin' (did you mean "
                "'enable_thinking'?)"},
        Mistake{"scenario: {reasoning_params: {reasoning_effort: hihg}}",
                "a.yaml:1: 'scenario.reasoning_params.reasoning_effort' must be one of low, "
                "medium, high, none, minimal, xhigh, max, found 'hihg' (did you mean 'high'?)"},
        Mistake{"name: a\nbackend: {}\nname: b",
                "a.yaml:3: duplicate key 'name' (first in line 1)"},
        Mistake{"backend:\n  model: a\n  model: b",
                "a.yaml:3: duplicate key 'model' (first in line 2)"},
        Mistake{"name: ${AIEB_TEST_UNSET}",
                "a.yaml:1: the environment variable 'AIEB_TEST_UNSET' is not set and has no "
                "default; set it, or write ${AIEB_TEST_UNSET:-default}"},
        Mistake{"name: ${oc.env:X}",
                "a.yaml:1: '${oc.env:X}' is not a variable: write ${NAME} or ${NAME:-default}, or "
                "$${ for a literal ${"},
        Mistake{"backend: {load_in_8bit: true,\n load_in_4bit: true}",
                "a.yaml:2: 'backend.load_in_8bit' and 'backend.load_in_4bit' exclude each other"},
        Mistake{"scenario: {batch_size: 2, input_shapes: {batch_size: 3}}",
                "a.yaml:1: 'scenario.batch_size' means 'scenario.input_shapes.batch_size', which "
                "is given too"},
        Mistake{"name: a\n---\nname: b",
                "a.yaml:2: YAML syntax error, column 1: a second document, or a stray bracket"},
        Mistake{"? [a, b]\n: c", "a.yaml:1: a key must be plain text"}));

TEST(Errors, of_the_schema_are_all_shown_from_top_to_bottom) {
  EXPECT_EQ(
      error_of(
          "scenario:\n  num_samples: x\n  num_sample: 1\nmetrics:\n  pue: 0\nname: ${AIEB_NO}\n"),
      "a.yaml:2: 'scenario.num_samples' must be a whole number of at least 1, found 'x'\n"
      "a.yaml:3: unknown key 'scenario.num_sample' (did you mean 'num_samples'?)\n"
      "a.yaml:5: 'metrics.pue' must be a number of at least 1, found '0'\n"
      "a.yaml:6: the environment variable 'AIEB_NO' is not set and has no default; set it, "
      "or write ${AIEB_NO:-default}");
}

TEST(Errors, of_syntax_show_the_first_with_its_line) {
  EXPECT_TRUE(error_of("name: a\nbackend: [1,\nscenario: {").starts_with("a.yaml:"));
  EXPECT_NE(error_of("name: a\nbackend: [1,\n").find("YAML syntax error"), std::string::npos);
  EXPECT_TRUE(error_of("{\"a\": 1,\n \"b\" 2}", {}, false, "a.json")
                  .starts_with("a.json:2: JSON syntax error: "));
}

TEST(Errors, of_json_have_lines) {
  EXPECT_EQ(error_of("{\"scenario\":\n{\"num_samples\":\n\"x\",\n\"seed\":\n-1\n}\n}", {}, false,
                     "a.json"),
            "a.json:3: 'scenario.num_samples' must be a whole number of at least 1, found 'x'\n"
            "a.json:5: 'scenario.seed' must be a whole number of at least 0, found "
            "'-1'");
  EXPECT_EQ(error_of("{\"name\": \"a\",\n\"name\": \"b\"}", {}, false, "a.json"),
            "a.json:2: duplicate key 'name'");
}

TEST(Errors, of_environment_and_overrides_name_them) {
  const test::ScopedEnvironment environment({{"NUM_SAMPLES", "many"}});
  try {
    parse_config("", {.path = "a.yaml", .overrides = {"metrics.pue=x"}});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(std::string(error.what()),
              "environment variable NUM_SAMPLES: 'scenario.num_samples' must be a whole number of "
              "at least 1, found 'many'\n"
              "override 'metrics.pue=x': 'metrics.pue' must be a number of at least 1, found 'x'");
  }
  EXPECT_EQ(error_of("", {"scenario.num_sample=3"}),
            "override 'scenario.num_sample=3': unknown key 'scenario.num_sample' (did you mean "
            "'num_samples'?)");
  EXPECT_EQ(error_of("", {"num_samples"}),
            "override 'num_samples': must look like scenario.num_samples=5");
  EXPECT_NE(error_of("", {"name=[1"}).find("override 'name=[1': YAML syntax error"),
            std::string::npos);
}

TEST(UnknownKeys, far_from_known_ones_are_warnings) {
  const LoadedConfig loaded =
      parse("hydra: {run: x}\nbackend:\n  gpu_model: h100\ndevice_map: auto\n");
  EXPECT_EQ(loaded.warnings,
            (std::vector<std::string>{
                "a.yaml:1: unknown key 'hydra'; it is ignored",
                "a.yaml:3: unknown key 'backend.gpu_model'; it is ignored",
                "a.yaml:4: unknown key 'device_map' (did you mean 'backend.device_map'?); it is "
                "ignored"}));
}

TEST(UnknownKeys, are_errors_when_strict) {
  EXPECT_EQ(error_of("hydra: 1\nbackend: {gpu_model: h100}", {}, true),
            "a.yaml:1: unknown key 'hydra'\na.yaml:2: unknown key 'backend.gpu_model'");
}

TEST(UnknownTypes, may_come_from_plug_ins) {
  EXPECT_EQ(parse("backend: {type: tensorrt}").warnings,
            std::vector<std::string>{"a.yaml:1: 'backend.type' is 'tensorrt', not one of pytorch, "
                                     "vllm, openai, ollama; it needs a plug-in of that name"});
  EXPECT_EQ(error_of("backend: {type: tensorrt}", {}, true),
            "a.yaml:1: 'backend.type' is 'tensorrt', not one of pytorch, vllm, openai, ollama");
}

TEST(Files, that_cannot_be_read_are_named) {
  const test::TemporaryFolder folder;
  const auto message = [](const std::string& path) {
    try {
      load_config({.path = path, .overrides = {}});
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(folder.path() + "/no.yaml"),
            folder.path() + "/no.yaml: cannot be read: No such file or directory");
  EXPECT_EQ(message(folder.path()),
            folder.path() + ": is a folder; name a configuration file (.yaml or .json)");
  EXPECT_EQ(message(folder.write("b.yaml", std::string("a\0b", 3))),
            folder.path() + "/b.yaml: is not a text file");
}

TEST(HostileFiles, are_bounded) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'i'; ++c) {
    const std::string alias = std::string("*") + static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [" + alias;
    for (int i = 0; i < 9; ++i) bomb += "," + alias;
    bomb += "]\n";
  }
  EXPECT_NE(error_of(bomb).find("more than 200000 values"), std::string::npos);
  EXPECT_NE(error_of(std::string(5000, '[')), "");
  EXPECT_NE(error_of(std::string(5000, '['), {}, false, "a.json"), "");
  EXPECT_NE(error_of("a: &a [*a]"), "");
  std::string nested = "name: ";
  for (int i = 0; i < 1000; ++i) nested += "${A:-";
  EXPECT_NE(error_of(nested).find("nests too deep"), std::string::npos);
}

}  // namespace
}  // namespace aieb
