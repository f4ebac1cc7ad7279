#include "formatters/registry_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "config/option.h"
#include "config/suggest.h"

namespace aieb {
namespace {

using enum OptionType;
using Field = Option<ReasoningFormat>;
using Type = ReasoningFormat::Type;
using FlagPosition = ReasoningFormat::FlagPosition;

constexpr std::array<std::pair<const char*, Type>, 5> kTypes = {{
    {"harmony", Type::kHarmony},
    {"parameter", Type::kParameter},
    {"system_prompt", Type::kSystemPrompt},
    {"prefix", Type::kPrefix},
    {"none", Type::kNone},
}};

void set_type(ReasoningFormat& format, const Json& value) {
  for (const auto& [name, type] : kTypes) {
    if (value == name) format.type = type;
  }
}

Limits type_limits() {
  std::vector<std::string> names;
  for (const auto& [name, type] : kTypes) names.emplace_back(name);
  return one_of(std::move(names));
}

OptionFacts facts_of(std::string key, OptionType type, Limits limits = anything()) {
  OptionFacts facts;
  facts.key = std::move(key);
  facts.type = type;
  facts.limits = std::move(limits);
  return facts;
}

#define MEMBER(name) [](auto& f) -> auto& { return f.name; }

template <class Access>
Field row(std::string key, OptionType type, Access access) {
  return option<ReasoningFormat>(facts_of(std::move(key), type), access);
}

const std::vector<Field>& field_table() {
  static const std::vector<Field> rows = {
      Field{facts_of("type", kText, type_limits()), set_type, {}},
      Field{facts_of("flag_position", kText, one_of({"system", "user"})),
            [](ReasoningFormat& format, const Json& value) {
              format.flag_position = value == "user" ? FlagPosition::kUser : FlagPosition::kSystem;
            },
            {}},
      row("parameter", kText, MEMBER(parameter)),
      row("parameters", kTextMap, MEMBER(parameters)),
      row("enable_flag", kText, MEMBER(enable_flag)),
      row("disable_flag", kText, MEMBER(disable_flag)),
      row("system_prompt_template", kText, MEMBER(system_prompt_template)),
      row("default_enabled", kBoolean, MEMBER(default_enabled)),
      row("always_on", kBoolean, MEMBER(always_on)),
      row("note", kText, MEMBER(note)),
      row("description", kText, MEMBER(description)),
  };
  return rows;
}

#undef MEMBER

/// Fields that the reader takes care of itself.
const std::vector<std::string> kStructure = {"patterns", "models", "model_overrides", "family"};

std::vector<std::string> field_names() {
  std::vector<std::string> names = kStructure;
  for (const Field& field : field_table()) names.push_back(field.key);
  return names;
}

}  // namespace

template <class Each>
void RegistryReader::each_entry(const Node* map, Each each) {
  if (!map || map->is_null()) return;
  if (!map->is_mapping()) {
    problems_.error(map->origin, "must be a mapping, found " + describe(*map));
    return;
  }
  for (size_t i = 0; i < map->keys.size(); ++i) each(map->keys[i], map->items[i]);
}

void RegistryReader::read(const Node& document) {
  const Node* families = document.find("families");
  if (!families || families->is_null()) {
    problems_.error(document.origin, "must have a mapping 'families' (see reasoning_formats.yaml)");
    return;
  }
  each_entry(families, [this](const NodeKey& key, const Node& node) { family(key, node); });
  if (const Node* models = document.find("models")) top_level(*models, true);
  if (const Node* overrides = document.find("model_overrides")) top_level(*overrides, false);
}

void RegistryReader::family(const NodeKey& name, const Node& node) {
  if (!node.is_mapping()) {
    problems_.error(name.origin,
                    "family '" + name.text + "' must be a mapping, found " + describe(node));
    return;
  }
  FormatterRegistry::Family family;
  family.format.family = name.text;
  fields(node, family.format);
  if (!node.find("type")) problems_.error(name.origin, "family '" + name.text + "' has no 'type'");
  choices(node, "patterns", false, family);
  choices(node, "models", true, family);
  if (family.choices.empty()) {
    problems_.error(name.origin, "family '" + name.text + "' has neither 'patterns' nor 'models'");
  }
  each_entry(node.find("model_overrides"), [&](const NodeKey& key, const Node& changed) {
    ReasoningFormat format = family.format;
    fields(changed, format);
    family.overrides.push_back({key.text, false, std::move(format)});
  });
  registry_.families_.push_back(std::move(family));
}

void RegistryReader::fields(const Node& node, ReasoningFormat& format) {
  static const std::vector<std::string> known = field_names();
  for (size_t i = 0; i < node.keys.size(); ++i) {
    const std::string& key = node.keys[i].text;
    const auto& table = field_table();
    const auto field =
        std::find_if(table.begin(), table.end(), [&](const Field& row) { return row.key == key; });
    if (field == table.end()) {
      const std::string near = nearest(key, known);
      if (!near.empty() && near != key) {
        problems_.error(node.keys[i].origin,
                        "unknown key '" + key + "' (did you mean '" + near + "'?)");
      }
    } else if (const auto value = typed_value(node.items[i], *field)) {
      field->set(format, *value);
    } else if (!node.items[i].is_null()) {
      problems_.error(node.items[i].origin, mismatch_text(*field, node.items[i]));
    }
  }
}

void RegistryReader::choices(const Node& node, std::string_view field, bool exact,
                             FormatterRegistry::Family& family) {
  const Node* list = node.find(field);
  if (!list || list->is_null()) return;
  const OptionFacts facts = facts_of(std::string(field), kTextList);
  const auto names = typed_value(*list, facts);
  if (!names) {
    problems_.error(list->origin, mismatch_text(facts, *list));
    return;
  }
  for (const Json& name : *names) {
    family.choices.push_back({name.get<std::string>(), exact, family.format});
  }
}

void RegistryReader::top_level(const Node& map, bool exact) {
  each_entry(&map, [&](const NodeKey& key, const Node& node) {
    const Node* named = node.is_mapping() ? node.find("family") : &node;
    ReasoningFormat format;
    if (named && named->is_scalar()) {
      const ReasoningFormat* base = format_named(named->text);
      if (!base) problems_.error(named->origin, "no family '" + named->text + "'");
      if (base) format = *base;
    } else if (const auto found = registry_.find(key.text)) {
      format = *found;
    } else {
      format.family = key.text;
    }
    fields(node, format);
    registry_.overrides_.push_back({key.text, exact, std::move(format)});
  });
}

const ReasoningFormat* RegistryReader::format_named(const std::string& family) {
  for (const auto& candidate : registry_.families_) {
    if (candidate.format.family == family) return &candidate.format;
  }
  return nullptr;
}

}  // namespace aieb
