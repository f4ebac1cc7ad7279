#include "config/overlay.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "config/document.h"
#include "config/option_table.h"
#include "core/error.h"

namespace aieb {
namespace {

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

/// Cuts the first segment off a dotted key.
std::string_view take_segment(std::string_view& key) {
  const size_t dot = key.find('.');
  const std::string_view segment = key.substr(0, dot);
  key = dot == std::string_view::npos ? std::string_view() : key.substr(dot + 1);
  return segment;
}

std::optional<size_t> index_from(std::string_view text) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return index;
}

/// The item of a list that the next segment of `key` names (and takes), or the first.
Node* list_item(Node& list, std::string_view& key) {
  std::string_view rest = key;
  size_t index = 0;
  if (const auto number = index_from(take_segment(rest))) {
    index = *number;
    key = rest;
  }
  return index < list.items.size() ? &list.items[index] : nullptr;
}

/// The key of the table for a key that may begin with another spelling.
std::string without_alias(const std::string& key) {
  for (const KeyAlias& alias : key_aliases()) {
    const std::string spelling(alias.spelling);
    if (key == spelling || key.starts_with(spelling + ".")) {
      return std::string(alias.key) + key.substr(spelling.size());
    }
  }
  return key;
}

/// The row of a key, or of a known member of a mapping; null pointer for keys that are neither.
const OptionFacts* facts_of(const std::string& key) {
  if (const ConfigOption* option = find_option(key)) return option;
  const size_t dot = key.rfind('.');
  const ConfigOption* parent = dot == std::string::npos ? nullptr : find_option(key.substr(0, dot));
  if (!parent || !parent->members) return nullptr;
  const std::string name = key.substr(dot + 1);
  const auto member = std::ranges::find(*parent->members, name, &OptionFacts::key);
  return member == parent->members->end() ? nullptr : &*member;
}

bool takes_mapping(const OptionFacts& facts) {
  using enum OptionType;
  return facts.type == kMap || facts.type == kTextMap || facts.type == kMapOrText ||
         facts.type == kList;
}

/// "Question:", "a: b": one line that YAML takes for a mapping though nobody wrote braces.
bool reads_as_pair(const std::string& text) {
  constexpr std::string_view kOtherYaml = "{[\"'&*!|>#%@`?-";
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos || kOtherYaml.find(text[first]) != std::string_view::npos)
    return false;
  if (text.find('\n') != std::string::npos || text.find(" #") != std::string::npos) return false;
  return text.ends_with(':') || text.find(": ") != std::string::npos;
}

/// An override's value as YAML, but a text with a colon where no mapping can be meant.
Node override_value(const std::string& key, const std::string& text, const Origin& origin,
                    const ReadContext& context) {
  const OptionFacts* facts = facts_of(key);
  if (facts && !takes_mapping(*facts) && reads_as_pair(text)) {
    return expanded_scalar(text, false, origin, context);
  }
  return parse_yaml(text, origin, context);
}

/// RESULTS_FILE goes to the first csv reporter of a list.
void set_results_file(Node& document, Node value, Problems& problems) {
  Node* reporter = document.find("reporter");
  Node* target = reporter;
  if (reporter && reporter->is_sequence()) {
    const auto is_csv = [](const Node& item) {
      const Node* type = item.find("type");
      return item.is_mapping() && (!type || type->text == "csv");
    };
    const auto csv = std::find_if(reporter->items.begin(), reporter->items.end(), is_csv);
    target = csv == reporter->items.end() ? nullptr : &*csv;
  } else if (reporter && reporter->find("type") && reporter->find("type")->text != "csv") {
    target = nullptr;
  } else if (!reporter) {
    target = &document.put({"reporter", value.origin}, Node::of(Node::Kind::kNull, value.origin));
  }
  if (!target) {
    problems.warning(value.origin, "ignored: the configuration has no csv reporter");
    return;
  }
  target->put({"output_file", value.origin}, std::move(value));
}

}  // namespace

void overlay(Node& base, Node over, const std::string& path) {
  if (over.is_null()) {
    if (!path.empty() && find_option(path)) base = std::move(over);
    return;
  }
  const bool mergeable = base.is_mapping() && over.is_mapping() && !find_option(path);
  if (!mergeable) {
    base = std::move(over);
    return;
  }
  for (size_t i = 0; i < over.keys.size(); ++i) {
    const std::string name = over.keys[i].text;
    if (Node* present = base.find(name)) {
      overlay(*present, std::move(over.items[i]), joined(path, name));
    } else {
      base.put(over.keys[i], std::move(over.items[i]));
    }
  }
}

bool set_key(Node& document, std::string_view key, Node value) {
  Node* node = &document;
  std::string path;
  while (!key.empty()) {
    if (node->is_sequence()) {
      Node* item = list_item(*node, key);
      if (!item) return false;
      node = item;
      continue;
    }
    const std::string name(take_segment(key));
    path = joined(path, name);
    Node* next = node->find(name);
    if (!next) next = &node->put({name, value.origin}, Node::of(Node::Kind::kNull, value.origin));
    const ConfigOption* option = find_option(path);
    if (option && next->is_null() && !key.empty()) {
      *next = node_from_json(default_of(*option), {"default", 0});
    }
    if (option && !key.empty() && stands_for_a_name(*option, *next)) {
      Node map = Node::of(Node::Kind::kMapping, next->origin);
      map.put({"name", next->origin}, *next);
      *next = std::move(map);
    }
    node = next;
  }
  overlay(*node, std::move(value), path);
  return true;
}

Node* find_key(Node& document, std::string_view key) {
  Node* node = &document;
  while (node && !key.empty()) {
    node = node->is_sequence() ? list_item(*node, key) : node->find(std::string(take_segment(key)));
  }
  return node;
}

void resolve_aliases(Node& document, Problems& problems) {
  for (const KeyAlias& alias : key_aliases()) {
    Node* found = find_key(document, alias.spelling);
    if (!found) continue;
    Node value = *found;
    const size_t dot = alias.spelling.rfind('.');
    Node* parent = &document;
    if (dot != std::string_view::npos) parent = find_key(document, alias.spelling.substr(0, dot));
    parent->erase(alias.spelling.substr(dot == std::string_view::npos ? 0 : dot + 1));
    const Node* canonical = find_key(document, alias.key);
    if (canonical && !canonical->is_null()) {
      problems.error(value.origin, "'" + std::string(alias.spelling) + "' means '" +
                                       std::string(alias.key) + "', which is given too");
    } else {
      set_key(document, alias.key, std::move(value));
    }
  }
}

void overlay_environment(Node& document, const VariableLookup& lookup, Problems& problems) {
  for (const EnvironmentOption& row : environment_table()) {
    const std::string variable(row.variable);
    const std::optional<std::string> value = lookup(variable);
    if (!value || value->empty()) continue;
    Node node = Node::scalar(*value, false, {"environment variable " + variable, 0});
    if (row.key == "reporter.output_file") {
      set_results_file(document, std::move(node), problems);
    } else {
      set_key(document, row.key, std::move(node));
    }
  }
}

void overlay_override(Node& document, const std::string& text, const VariableLookup& lookup,
                      Problems& problems) {
  const Origin origin{"override '" + text + "'", 0};
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw ConfigError(to_text(origin) + ": must look like scenario.num_samples=5");
  }
  const std::string key = without_alias(text.substr(0, equals));
  Node value = override_value(key, text.substr(equals + 1), origin, {lookup, problems});
  if (!set_key(document, key, std::move(value))) {
    problems.error(origin, "the list has no such item");
  }
}

}  // namespace aieb
