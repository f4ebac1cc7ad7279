#include "config/option.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/suggest.h"

namespace aieb {
namespace {

bool within(double value, const Limits& limits) {
  if (!std::isfinite(value) || value > limits.maximum) return false;
  return limits.above_minimum ? value > limits.minimum : value >= limits.minimum;
}

/// Scalars may be quoted: the table's type decides, not the quotes.
Json unquoted(const Node& node) {
  Node plain = node;
  plain.quoted = false;
  return to_json(plain);
}

std::optional<Json> integer_value(const Node& node, const Limits& limits) {
  if (!node.is_scalar()) return std::nullopt;
  const Json value = unquoted(node);
  if (!value.is_number_integer() || !within(value.get<double>(), limits)) return std::nullopt;
  return value;
}

std::optional<Json> number_value(const Node& node, const Limits& limits) {
  if (!node.is_scalar()) return std::nullopt;
  const Json value = unquoted(node);
  if (!value.is_number() || !within(value.get<double>(), limits)) return std::nullopt;
  return Json(value.get<double>());
}

std::optional<Json> boolean_value(const Node& node) {
  if (!node.is_scalar()) return std::nullopt;
  std::string word = node.text;
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  // YAML 1.1's words too: files written for PyYAML use them.
  if (word == "true" || word == "yes" || word == "on") return Json(true);
  if (word == "false" || word == "no" || word == "off") return Json(false);
  return std::nullopt;
}

std::optional<Json> auto_boolean_value(const Node& node) {
  if (node.is_scalar() && node.text == "auto") return Json("auto");
  const std::optional<Json> value = boolean_value(node);
  return value ? std::optional<Json>(value->get<bool>() ? "true" : "false") : std::nullopt;
}

std::optional<Json> text_value(const Node& node, const Limits& limits) {
  if (!node.is_scalar()) return std::nullopt;
  const auto& choices = limits.choices;
  const bool listed = std::find(choices.begin(), choices.end(), node.text) != choices.end();
  if (listed || (limits.also_accepts && limits.also_accepts(node.text))) return Json(node.text);
  if (choices.empty() && !limits.also_accepts) return Json(node.text);
  if (limits.open_choices && nearest(node.text, choices).empty()) return Json(node.text);
  return std::nullopt;
}

/// "0,1" as a list of scalars.
std::vector<Node> split_at_commas(const Node& node) {
  std::vector<Node> parts;
  size_t begin = 0;
  while (begin <= node.text.size()) {
    const size_t comma = std::min(node.text.find(',', begin), node.text.size());
    std::string part = node.text.substr(begin, comma - begin);
    const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
    part.erase(part.begin(), std::find_if_not(part.begin(), part.end(), is_space));
    part.erase(std::find_if_not(part.rbegin(), part.rend(), is_space).base(), part.end());
    parts.push_back(Node::scalar(std::move(part), false, node.origin));
    begin = comma + 1;
  }
  return parts;
}

std::optional<Json> integer_list_value(const Node& node, const Limits& limits) {
  if (!node.is_scalar() && !node.is_sequence()) return std::nullopt;
  Json list = Json::array();
  for (const Node& item : node.is_scalar() ? split_at_commas(node) : node.items) {
    const std::optional<Json> value = integer_value(item, limits);
    if (!value || std::find(list.begin(), list.end(), *value) != list.end()) return std::nullopt;
    list.push_back(*value);
  }
  if (list.empty()) return std::nullopt;
  return list;
}

std::optional<Json> text_list_value(const Node& node) {
  if (node.is_scalar()) return Json::array({node.text});
  if (!node.is_sequence()) return std::nullopt;
  Json list = Json::array();
  for (const Node& item : node.items) {
    if (!item.is_scalar()) return std::nullopt;
    list.push_back(item.text);
  }
  return list;
}

std::optional<Json> text_map_value(const Node& node) {
  if (!node.is_mapping()) return std::nullopt;
  Json map = Json::object();
  for (size_t i = 0; i < node.keys.size(); ++i) {
    if (!node.items[i].is_scalar()) return std::nullopt;
    map[node.keys[i].text] = node.items[i].text;
  }
  return map;
}

std::string plain_expectation(OptionType type) {
  switch (type) {
    case OptionType::kText:
      return "a text";
    case OptionType::kInteger:
      return "a whole number";
    case OptionType::kNumber:
      return "a number";
    case OptionType::kBoolean:
      return "true or false";
    case OptionType::kAutoBoolean:
      return "auto, true or false";
    case OptionType::kIntegerList:
      return "a list of different whole numbers";
    case OptionType::kTextList:
      return "a text or a list of texts";
    case OptionType::kTextMap:
      return "a mapping of names to texts";
    case OptionType::kMap:
      return "a mapping";
    case OptionType::kList:
      return "a list";
    case OptionType::kMapOrText:
      return "a text or a mapping";
  }
  return "";
}

}  // namespace

Limits anything() { return {}; }
Limits at_least(double minimum) {
  Limits limits;
  limits.minimum = minimum;
  return limits;
}

Limits above(double minimum) {
  Limits limits = at_least(minimum);
  limits.above_minimum = true;
  return limits;
}

Limits between(double minimum, double maximum) {
  Limits limits = at_least(minimum);
  limits.maximum = maximum;
  return limits;
}

Limits one_of(std::vector<std::string> choices) {
  Limits limits;
  limits.choices = std::move(choices);
  return limits;
}

Limits known(std::vector<std::string> choices) {
  Limits limits = one_of(std::move(choices));
  limits.open_choices = true;
  return limits;
}

Limits one_of_or(std::vector<std::string> choices, bool (*accepts)(const std::string&),
                 std::string words) {
  Limits limits = one_of(std::move(choices));
  limits.also_accepts = accepts;
  limits.also_words = std::move(words);
  return limits;
}

bool stands_for_a_name(const OptionFacts& facts, const Node& node) {
  if (facts.type != OptionType::kMapOrText || facts.members == nullptr) return false;
  if (!node.is_scalar()) return false;
  return std::any_of(facts.members->begin(), facts.members->end(),
                     [](const OptionFacts& member) { return member.key == "name"; });
}

std::string expectation(const OptionFacts& facts) {
  const Limits& limits = facts.limits;
  if (!limits.choices.empty()) {
    return fmt::format("one of {}{}", fmt::join(limits.choices, ", "),
                       limits.also_words.empty() ? "" : ", " + limits.also_words);
  }
  const std::string base = plain_expectation(facts.type);
  const bool has_minimum = limits.minimum > -kLargestInt;
  if (has_minimum && limits.maximum < kLargestInt) {
    return fmt::format("{} from {} to {}", base, limits.minimum, limits.maximum);
  }
  if (!has_minimum) return base;
  return fmt::format("{} {} {}", base, limits.above_minimum ? "above" : "of at least",
                     limits.minimum);
}

std::optional<Json> typed_value(const Node& node, const OptionFacts& facts) {
  switch (facts.type) {
    case OptionType::kText:
      return text_value(node, facts.limits);
    case OptionType::kInteger:
      return integer_value(node, facts.limits);
    case OptionType::kNumber:
      return number_value(node, facts.limits);
    case OptionType::kBoolean:
      return boolean_value(node);
    case OptionType::kAutoBoolean:
      return auto_boolean_value(node);
    case OptionType::kIntegerList:
      return integer_list_value(node, facts.limits);
    case OptionType::kTextList:
      return text_list_value(node);
    case OptionType::kTextMap:
      return text_map_value(node);
    case OptionType::kMap:
      return node.is_mapping() ? std::optional<Json>(to_json(node)) : std::nullopt;
    case OptionType::kList:
      return node.is_sequence() ? std::optional<Json>(to_json(node)) : std::nullopt;
    case OptionType::kMapOrText:
      if (node.is_scalar()) return text_value(node, facts.limits);
      return node.is_mapping() ? std::optional<Json>(to_json(node)) : std::nullopt;
  }
  return std::nullopt;
}

bool is_unlisted_choice(const Json& value, const OptionFacts& facts) {
  const auto& choices = facts.limits.choices;
  return value.is_string() && !choices.empty() &&
         std::find(choices.begin(), choices.end(), value.get<std::string>()) == choices.end();
}

std::string mismatch_text(const OptionFacts& facts, const Node& found) {
  std::string text =
      fmt::format("'{}' must be {}, found {}", facts.key, expectation(facts), describe(found));
  const std::string suggestion = found.is_scalar() ? nearest(found.text, facts.limits.choices) : "";
  if (!suggestion.empty()) text += " (did you mean '" + suggestion + "'?)";
  return text;
}

}  // namespace aieb
