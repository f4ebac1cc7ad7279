#include <gtest/gtest.h>

#include "config/support.h"
#include "formatters/pattern.h"
#include "formatters/registry.h"

namespace aieb {
namespace {

using Notices = std::vector<std::string>;

FormatterRegistry shipped() { return FormatterRegistry::load({}); }

BenchmarkConfig config_for(const std::string& model, const Json& params,
                           const std::string& backend = "pytorch") {
  BenchmarkConfig config;
  config.backend.type = backend;
  config.backend.model = model;
  config.scenario.reasoning_params = params;
  return config;
}

Formatter formatter_for(const std::string& model, const Json& params,
                        const std::string& backend = "pytorch") {
  return shipped().formatter(config_for(model, params, backend));
}

struct Detected {
  const char* model;
  const char* family;
};

TEST(Registry, detects_the_documented_families) {
  const FormatterRegistry registry = shipped();
  for (const Detected& row :
       std::initializer_list<Detected>{{"openai/gpt-oss-20b", "gpt-oss"},
                                       {"openai/gpt-oss-120b", "gpt-oss"},
                                       {"HuggingFaceTB/SmolLM3-3B", "smollm3"},
                                       {"deepseek-ai/DeepSeek-R1", "deepseek-r1"},
                                       {"deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek-r1"},
                                       {"deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", "deepseek-r1"},
                                       {"Qwen/Qwen2.5-72B-Instruct", "qwen"},
                                       {"Qwen/Qwen3-8B", "qwen"},
                                       {"/models/qwen3-8b", "qwen"},
                                       {"tencent/Hunyuan-1.8B-Instruct", "hunyuan"},
                                       {"nvidia/Nemotron-H-8B-Reasoning-128K", "nemotron"},
                                       {"nvidia/Llama-3_3-Nemotron-Super-49B-v1", "nemotron"},
                                       {"LGAI-EXAONE/EXAONE-3.0-7.8B-Instruct", "exaone"},
                                       {"microsoft/phi-4", "phi"},
                                       {"google/gemma-3-4b-it", "gemma"}}) {
    const auto format = registry.find(row.model);
    ASSERT_TRUE(format) << row.model;
    EXPECT_EQ(format->family, row.family) << row.model;
  }
  EXPECT_FALSE(registry.find("gpt2"));
  EXPECT_FALSE(registry.find("mistralai/Mistral-7B-v0.1"));
}

TEST(Formatting, leaves_prompts_alone_unless_asked) {
  const Formatter formatter = formatter_for("openai/gpt-oss-20b", nullptr);
  const FormattedPrompt prompt = formatter.format("Hi");
  ASSERT_EQ(prompt.messages.size(), 1U);
  EXPECT_EQ(prompt.messages[0].role, "user");
  EXPECT_EQ(prompt.messages[0].content, "Hi");
  EXPECT_EQ(prompt.prompt_text, "Hi");
  EXPECT_TRUE(formatter.template_kwargs().empty());
  EXPECT_TRUE(formatter.notices().empty());
}

TEST(Formatting, of_harmony_uses_the_native_effort_once) {
  const Json params = {{"reasoning_effort", "high"}};
  const Formatter local = formatter_for("openai/gpt-oss-20b", params);
  EXPECT_EQ(local.template_kwargs(), params);
  EXPECT_TRUE(local.request_parameters().empty());
  const Formatter server = formatter_for("openai/gpt-oss-20b", params, "vllm");
  EXPECT_EQ(server.request_parameters(), params);
  EXPECT_TRUE(server.template_kwargs().empty());
  EXPECT_EQ(server.format("Hi").messages.size(), 1U) << "nothing goes into the messages too";
  EXPECT_EQ(formatter_for("openai/gpt-oss-20b", {{"enable_thinking", false}}).notices(),
            Notices{"'enable_thinking' has no effect on 'openai/gpt-oss-20b': gpt-oss always "
                    "reasons; reasoning_effort says how much"});
}

TEST(Formatting, of_parameters_uses_the_templates_switch) {
  for (const char* backend : {"pytorch", "vllm"}) {
    const Formatter formatter =
        formatter_for("Qwen/Qwen3-8B", {{"enable_thinking", false}}, backend);
    EXPECT_EQ(formatter.template_kwargs(), Json({{"enable_thinking", false}}));
    EXPECT_TRUE(formatter.request_parameters().empty());
    EXPECT_EQ(formatter.format("Hi").messages.size(), 1U);
    EXPECT_TRUE(formatter.notices().empty());
  }
  EXPECT_EQ(
      formatter_for("deepseek-ai/DeepSeek-V3.1", {{"enable_thinking", true}}).template_kwargs(),
      Json({{"thinking", true}}));
}

TEST(Formatting, of_models_without_a_switch_gives_a_notice) {
  const Formatter formatter =
      formatter_for("Qwen/Qwen2.5-7B-Instruct", {{"enable_thinking", true}});
  EXPECT_TRUE(formatter.template_kwargs().empty());
  EXPECT_EQ(formatter.notices(), Notices{"'enable_thinking' has no effect on "
                                         "'Qwen/Qwen2.5-7B-Instruct': reasoning came with Qwen3"});
  for (const char* model :
       {"microsoft/phi-2", "google/gemma-2-9b-it", "LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct",
        "Qwen/Qwen3-4B-Instruct-2507", "Qwen/Qwen3-4B-Thinking-2507", "Qwen/QwQ-32B"}) {
    const Formatter none = formatter_for(model, {{"enable_thinking", true}});
    EXPECT_EQ(none.notices().size(), 1U) << model;
    EXPECT_TRUE(none.template_kwargs().empty()) << model;
  }
}

TEST(Formatting, of_system_prompts_goes_into_the_messages) {
  for (const char* backend : {"pytorch", "vllm"}) {
    const FormattedPrompt prompt =
        formatter_for("HuggingFaceTB/SmolLM3-3B", {{"enable_thinking", true}}, backend)
            .format("Hi");
    ASSERT_EQ(prompt.messages.size(), 2U);
    EXPECT_EQ(prompt.messages[0].role, "system");
    EXPECT_EQ(prompt.messages[0].content, "/think");
    EXPECT_EQ(prompt.messages[1].content, "Hi");
  }
  EXPECT_EQ(formatter_for("HuggingFaceTB/SmolLM3-3B", {{"enable_thinking", false}})
                .format("Hi")
                .messages[0]
                .content,
            "/no_think");
}

TEST(Formatting, of_nemotron_takes_disable_thinking_and_overrides) {
  EXPECT_EQ(formatter_for("nvidia/NVIDIA-Nemotron-Nano-9B-v2", {{"disable_thinking", true}})
                .format("Hi")
                .messages[0]
                .content,
            "/no_think");
  EXPECT_EQ(formatter_for("nvidia/Llama-3_3-Nemotron-Super-49B-v1", {{"disable_thinking", true}})
                .format("Hi")
                .messages[0]
                .content,
            "detailed thinking off");
  EXPECT_EQ(formatter_for("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B", {{"disable_thinking", true}})
                .template_kwargs(),
            Json({{"enable_thinking", false}}));
  EXPECT_EQ(formatter_for("nvidia/NVIDIA-Nemotron-Nano-9B-v2", {{"disable_thinking", false}})
                .format("Hi")
                .messages.size(),
            1U);
}

TEST(Formatting, of_hunyuan_puts_the_flag_before_the_prompt) {
  const FormattedPrompt prompt =
      formatter_for("tencent/Hunyuan-1.8B-Instruct", {{"enable_thinking", false}}).format("Hi");
  ASSERT_EQ(prompt.messages.size(), 1U);
  EXPECT_EQ(prompt.messages[0].content, "/no_think Hi");
}

TEST(Formatting, of_prefixes_begins_the_answer_and_hands_on_the_budget) {
  const Json params = {{"enable_thinking", true}, {"thinking_budget", 1000}};
  const Formatter server = formatter_for("deepseek-ai/DeepSeek-R1", params, "vllm");
  EXPECT_EQ(server.format("Hi").response_prefix, "<think>\n");
  EXPECT_EQ(server.request_parameters(), Json({{"thinking_token_budget", 1000}}));
  EXPECT_TRUE(server.notices().empty());
  const Formatter local = formatter_for("deepseek-ai/DeepSeek-R1", params);
  EXPECT_EQ(local.format("Hi").response_prefix, "<think>\n");
  EXPECT_EQ(local.notices(), Notices{"'thinking_budget' has no effect on "
                                     "'deepseek-ai/DeepSeek-R1': only servers keep it"});
  const Formatter off = formatter_for("deepseek-ai/DeepSeek-R1", {{"enable_thinking", false}});
  EXPECT_EQ(off.format("Hi").response_prefix, "");
  EXPECT_EQ(off.notices().size(), 1U);
}

TEST(Formatting, of_unknown_models_passes_parameters_on_with_a_notice) {
  const Json params = {{"reasoning_effort", "low"}, {"enable_thinking", true}, {"x", nullptr}};
  const Formatter server = formatter_for("acme/model", params, "vllm");
  EXPECT_EQ(server.request_parameters(), Json({{"reasoning_effort", "low"}}));
  EXPECT_EQ(server.template_kwargs(), Json({{"enable_thinking", true}}));
  EXPECT_EQ(server.notices().size(), 1U);
  EXPECT_EQ(formatter_for("acme/model", params).template_kwargs().size(), 2U);
}

TEST(Formatting, follows_the_reasoning_flag_where_parameters_are_silent) {
  BenchmarkConfig config = config_for("Qwen/Qwen3-8B", nullptr);
  config.scenario.reasoning = true;
  EXPECT_EQ(shipped().formatter(config).template_kwargs(), Json({{"enable_thinking", true}}));
  config.scenario.reasoning_params = {{"enable_thinking", false}};
  EXPECT_EQ(shipped().formatter(config).template_kwargs(), Json({{"enable_thinking", false}}));
}

TEST(Formatting, without_the_chat_template_warns_of_lost_switches) {
  BenchmarkConfig config = config_for("Qwen/Qwen3-8B", {{"enable_thinking", true}});
  config.scenario.use_chat_template = "false";
  EXPECT_EQ(shipped().formatter(config).notices(),
            Notices{"reasoning parameters have no effect on 'Qwen/Qwen3-8B' without its chat "
                    "template (scenario.use_chat_template is false)"});
}

TEST(UseHarmony, still_works_and_warns) {
  const Json effort = {{"reasoning_effort", "low"}};
  BenchmarkConfig config = config_for("acme/my-finetune", effort, "vllm");
  config.backend.use_harmony = true;
  const Formatter forced = shipped().formatter(config);
  EXPECT_EQ(forced.request_parameters(), effort);
  EXPECT_EQ(forced.notices(), Notices{"'use_harmony' is deprecated: the model's name and "
                                      "reasoning_formats.yaml decide"});
  config = config_for("openai/gpt-oss-20b", {{"use_harmony", false}, {"reasoning_effort", "low"}});
  EXPECT_TRUE(shipped().formatter(config).template_kwargs().empty());
}

constexpr const char* kOwn = R"(
families:
  new-model-family:
    patterns:
      - "company/new-model"
      - "company/new-model-v2"
    type: system_prompt  # or harmony, parameter, prefix
    enable_flag: "/reason"
    disable_flag: "/no_reason"
    default_enabled: false
    system_prompt_template: "You are a helpful assistant. Use {flag} to enable reasoning."
    description: "New reasoning model using /reason flags"
    model_overrides:
      "new-model-v2-mini": {type: parameter, parameter: think}
  other:
    models: ["company/new-model-x"]
    type: prefix
    enable_flag: "<t>"
models:
  acme/alias: new-model-family
  acme/special: {family: other, enable_flag: "<s>"}
model_overrides:
  "*-frozen": {type: none, note: "it is frozen"}
)";

TEST(OwnRegistry, needs_no_code) {
  const FormatterRegistry registry = FormatterRegistry::parse(kOwn, "own.yaml");
  EXPECT_EQ(registry.families(), (std::vector<std::string>{"new-model-family", "other"}));
  const auto format = [&](const std::string& model) {
    return registry.formatter(config_for(model, {{"enable_thinking", true}}));
  };
  EXPECT_EQ(format("company/new-model").format("Hi").messages[0].content,
            "You are a helpful assistant. Use /reason to enable reasoning.");
  EXPECT_EQ(format("company/new-model-v2-mini").template_kwargs(), Json({{"think", true}}));
  EXPECT_EQ(format("Company/New-Model-X").format("Hi").response_prefix, "<t>")
      << "an exact name beats a pattern";
  EXPECT_EQ(format("acme/alias").format("Hi").messages.size(), 2U);
  EXPECT_EQ(format("acme/special").format("Hi").response_prefix, "<s>");
  EXPECT_EQ(format("company/new-model-frozen").notices(),
            Notices{"'enable_thinking' has no effect on 'company/new-model-frozen': it is frozen"});
}

TEST(OwnRegistry, is_found_through_scenario_then_environment) {
  const test::TemporaryFolder folder;
  const std::string own = folder.write("own.yaml", kOwn);
  const std::string other = folder.write("other.yaml", "families: {a: {type: none, models: [b]}}");
  const test::ScopedEnvironment environment({{"AIEB_REASONING_FORMATS", own}});
  EXPECT_EQ(FormatterRegistry::load({}).families()[0], "new-model-family");
  ScenarioConfig scenario;
  scenario.reasoning_formats = other;
  EXPECT_EQ(FormatterRegistry::load(scenario).families(), std::vector<std::string>{"a"});
  scenario.reasoning_formats = folder.path() + "/no.yaml";
  EXPECT_THROW(FormatterRegistry::load(scenario), ConfigError);
}

TEST(OwnRegistry, mistakes_are_explained) {
  const auto error = [](const std::string& text) {
    try {
      FormatterRegistry::parse(text, "f.yaml");
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error("families:\n  a:\n    patterns: [x]\n    type: sytem_prompt\n"),
            "f.yaml:4: 'type' must be one of harmony, parameter, system_prompt, prefix, none, "
            "found 'sytem_prompt' (did you mean 'system_prompt'?)");
  EXPECT_EQ(error("families:\n  a:\n    type: none\n    paterns: [x]"),
            "f.yaml:2: family 'a' has neither 'patterns' nor 'models'\n"
            "f.yaml:4: unknown key 'paterns' (did you mean 'patterns'?)");
  EXPECT_EQ(error("families: {a: {patterns: [x]}}"), "f.yaml:1: family 'a' has no 'type'");
  EXPECT_EQ(error("families: [a]"), "f.yaml:1: must be a mapping, found a list");
  EXPECT_EQ(error(""), "f.yaml: must have a mapping 'families' (see reasoning_formats.yaml)");
  EXPECT_EQ(error("families: {a: {patterns: [x], type: none}}\nmodels: {m: b}"),
            "f.yaml:2: no family 'b'");
}

TEST(Patterns, contain_or_glob_without_case) {
  EXPECT_EQ(pattern_fit("gpt-oss", "openai/GPT-OSS-20b"), 7);
  EXPECT_EQ(pattern_fit("gpt-oss", "gpt2"), -1);
  EXPECT_EQ(pattern_fit("microsoft/phi-*", "microsoft/phi-2"), 14);
  EXPECT_EQ(pattern_fit("microsoft/phi-*", "x/microsoft/phi-2"), -1);
  EXPECT_EQ(pattern_fit("*a*b", "xaxaxb"), 2);
  EXPECT_EQ(pattern_fit("*a*b", "xaxbx"), -1);
  EXPECT_EQ(pattern_fit("", "x"), -1);
}

}  // namespace
}  // namespace aieb
