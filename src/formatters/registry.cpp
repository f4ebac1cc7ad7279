#include "formatters/registry.h"

#include <cstdlib>

#include "config/bundled.h"
#include "config/document.h"
#include "formatters/pattern.h"
#include "formatters/registry_reader.h"

namespace aieb {
namespace {

bool is_server(const std::string& backend) {
  return backend == "vllm" || backend == "openai" || backend == "ollama";
}

/// What the scenario asks for; empty if it leaves reasoning alone.
Json effective_params(const BenchmarkConfig& config) {
  Json params = Json::object();
  if (config.scenario.reasoning_params.is_object()) params = config.scenario.reasoning_params;
  if (config.backend.use_harmony && !params.contains("use_harmony")) {
    params["use_harmony"] = *config.backend.use_harmony;
  }
  if (config.scenario.reasoning && !params.contains("enable_thinking") &&
      !params.contains("disable_thinking") && !params.contains("reasoning_effort")) {
    params["enable_thinking"] = true;
  }
  return params;
}

}  // namespace

FormatterRegistry FormatterRegistry::load(const ScenarioConfig& scenario) {
  if (!scenario.reasoning_formats.empty()) {
    return parse(read_config_text(scenario.reasoning_formats), scenario.reasoning_formats);
  }
  const auto variable = environment_variable("AIEB_REASONING_FORMATS");
  if (variable && !variable->empty()) return parse(read_config_text(*variable), *variable);
  const BundledFile file = bundled_file(kReasoningFormats);
  return parse(file.text, file.place);
}

FormatterRegistry FormatterRegistry::parse(std::string_view text, const std::string& place) {
  FormatterRegistry registry;
  Problems problems;
  const VariableLookup lookup = environment_variable;
  const Node document = parse_document(text, place, {lookup, problems});
  RegistryReader(registry, problems).read(document);
  problems.throw_if_any();
  return registry;
}

const FormatterRegistry::Choice* FormatterRegistry::best(const std::vector<Choice>& choices,
                                                         const std::string& model, int& fit) {
  constexpr int kExact = 1 << 20;  // beats every pattern
  const Choice* found = nullptr;
  fit = -1;
  for (const Choice& choice : choices) {
    int candidate = -1;
    if (!choice.exact) {
      candidate = pattern_fit(choice.pattern, model);
    } else if (equal_ignoring_case(choice.pattern, model)) {
      candidate = kExact;
    }
    if (candidate > fit) {
      fit = candidate;
      found = &choice;
    }
  }
  return found;
}

const FormatterRegistry::Family* FormatterRegistry::family_of(const std::string& model) const {
  const Family* found = nullptr;
  int best_fit = -1;
  for (const Family& family : families_) {
    int fit = -1;
    if (best(family.choices, model, fit) && fit > best_fit) {
      best_fit = fit;
      found = &family;
    }
  }
  return found;
}

std::optional<ReasoningFormat> FormatterRegistry::find(const std::string& model) const {
  int fit = -1;
  if (const Choice* choice = best(overrides_, model, fit)) return choice->format;
  const Family* family = family_of(model);
  if (!family) return std::nullopt;
  if (const Choice* choice = best(family->overrides, model, fit)) return choice->format;
  return family->format;
}

Formatter FormatterRegistry::formatter(const BenchmarkConfig& config) const {
  const Json params = effective_params(config);
  if (params.empty()) return {};
  const Route route = is_server(config.backend.type) ? Route::kServer : Route::kInProcess;
  const bool use_template = config.scenario.use_chat_template != "false";
  const std::string& model = config.backend.model;
  std::optional<ReasoningFormat> format = find(model);
  std::vector<std::string> notices;
  if (params.contains("use_harmony") && params["use_harmony"].is_boolean()) {
    const bool harmony = params["use_harmony"] == true;
    notices.push_back(
        "'use_harmony' is deprecated: the model's name and reasoning_formats.yaml decide");
    const bool is_harmony = format && format->type == ReasoningFormat::Type::kHarmony;
    if (harmony && !is_harmony) format = harmony_format();
    if (!harmony && is_harmony) return Formatter().with_notices(notices);
  }
  const Formatter formatter = format ? Formatter(*format, model, params, route, use_template)
                                     : Formatter::pass_through(params, route, model);
  return formatter.with_notices(notices);
}

std::optional<ReasoningFormat> FormatterRegistry::harmony_format() const {
  for (const Family& family : families_) {
    if (family.format.type == ReasoningFormat::Type::kHarmony) return family.format;
  }
  return std::nullopt;
}

std::vector<std::string> FormatterRegistry::families() const {
  std::vector<std::string> names;
  for (const Family& family : families_) names.push_back(family.format.family);
  return names;
}

}  // namespace aieb
