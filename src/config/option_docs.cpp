#include "config/option_docs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/generation_options.h"
#include "config/option_table.h"

namespace aieb {
namespace {

std::string type_name(const OptionFacts& facts) {
  if (!facts.limits.choices.empty()) {
    std::string names = fmt::format("{}", fmt::join(facts.limits.choices, " \\| "));
    if (!facts.limits.also_words.empty()) names += " \\| " + facts.limits.also_words;
    return names;
  }
  switch (facts.type) {
    case OptionType::kText:
      return "text";
    case OptionType::kInteger:
      return "integer";
    case OptionType::kNumber:
      return "number";
    case OptionType::kBoolean:
      return "boolean";
    case OptionType::kAutoBoolean:
      return "auto \\| true \\| false";
    case OptionType::kIntegerList:
      return "list of integers";
    case OptionType::kTextList:
      return "text or list";
    case OptionType::kTextMap:
    case OptionType::kMap:
      return "mapping";
    case OptionType::kList:
      return "list";
    case OptionType::kMapOrText:
      return "text or mapping";
  }
  return "";
}

std::string shown(const Json& value) {
  if (value.is_null() || value.empty()) return "";
  if (value.is_number_float() && value == static_cast<double>(value.get<int64_t>())) {
    return std::to_string(value.get<int64_t>());
  }
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string with_unit(const OptionFacts& facts) {
  return facts.unit.empty() ? type_name(facts) : type_name(facts) + ", " + facts.unit;
}

std::string row(const OptionFacts& facts, const std::string& default_text) {
  const std::string default_cell = default_text.empty() ? "" : "`" + default_text + "`";
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", facts.key, with_unit(facts), default_cell,
                     facts.since, facts.description);
}

std::string table_head(const std::string& title) {
  return "\n## " + title +
         "\n\n| key | type | default | since | meaning |\n|---|---|---|---|---|\n";
}

std::string section_of(const std::string& key) {
  const size_t dot = key.find('.');
  return dot == std::string::npos ? "General" : "`" + key.substr(0, dot) + "`";
}

std::string key_tables() {
  std::string text;
  std::string section;
  for (const ConfigOption& option : option_table()) {
    if (section_of(option.key) != section) {
      section = section_of(option.key);
      text += table_head(section);
    }
    text += row(option, shown(default_of(option)));
  }
  return text;
}

std::string generation_table_text() {
  const GenerationParams defaults;
  std::string text = table_head("Generation parameters (`scenario.generate_kwargs`)");
  for (const GenerationOption& option : generation_table()) {
    text += row(option, shown(option.get(defaults)));
  }
  return text;
}

std::string member_table_text(const std::string& title, const std::string& key) {
  std::string text = table_head(title + " (`" + key + "`)");
  for (const OptionFacts& facts : *find_option(key)->members) text += row(facts, "");
  return text;
}

std::string environment_table_text() {
  std::string text = "\n## Environment variables\n\n| variable | sets |\n|---|---|\n";
  for (const EnvironmentOption& option : environment_table()) {
    const std::string note =
        option.description.empty() ? "" : " (" + std::string(option.description) + ")";
    text += fmt::format("| `{}` | `{}`{} |\n", option.variable, option.key, note);
  }
  return text;
}

}  // namespace

std::string options_markdown() {
  return key_tables() + generation_table_text() +
         member_table_text("Reasoning parameters", "scenario.reasoning_params") +
         member_table_text("Measurement protocol", "metrics.protocol") + environment_table_text();
}

std::string options_help() {
  std::string text;
  for (const ConfigOption& option : option_table()) {
    const std::string value = shown(default_of(option));
    text += fmt::format("  {:<38} {}{}\n", option.key, option.description,
                        value.empty() ? "" : " [" + value + "]");
  }
  return text;
}

}  // namespace aieb
