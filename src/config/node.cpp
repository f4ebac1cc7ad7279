#include "config/node.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace aieb {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

template <class Number>
std::optional<Number> whole_text_as(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Json> integer_from(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with("0x")) {
    if (const auto hex = whole_text_as<uint64_t>(text.substr(2), 16)) return Json(*hex);
    return std::nullopt;
  }
  if (const auto number = whole_text_as<int64_t>(text)) return Json(*number);
  if (const auto number = whole_text_as<uint64_t>(text)) return Json(*number);
  return std::nullopt;
}

std::optional<Json> decimal_from(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (is_one_of(text, {".inf", ".Inf", ".INF"})) return Json(kInfinity);
  if (is_one_of(text, {"-.inf", "-.Inf", "-.INF"})) return Json(-kInfinity);
  if (text.starts_with('+')) text.remove_prefix(1);
  // from_chars also reads "inf" and "nan", which YAML calls text.
  const auto first_digit = text.find_first_not_of("-.");
  if (first_digit == std::string_view::npos || text[first_digit] < '0' || text[first_digit] > '9') {
    return std::nullopt;
  }
  std::string number(text);
  if (number.ends_with('.')) number += '0';
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  return Json(value);
}

Json scalar_to_json(const Node& node) {
  if (node.quoted) return node.text;
  if (node.text.empty() || is_one_of(node.text, {"~", "null", "Null", "NULL"})) return nullptr;
  if (is_one_of(node.text, {"true", "True", "TRUE"})) return true;
  if (is_one_of(node.text, {"false", "False", "FALSE"})) return false;
  if (auto number = integer_from(node.text)) return *number;
  if (auto number = decimal_from(node.text)) return *number;
  return node.text;
}

}  // namespace

std::string to_text(const Origin& origin) {
  return origin.line > 0 ? origin.place + ":" + std::to_string(origin.line) : origin.place;
}

const Node* Node::find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text == key) return &items[i];
  }
  return nullptr;
}

Node* Node::find(std::string_view key) { return const_cast<Node*>(std::as_const(*this).find(key)); }

Node& Node::put(NodeKey key, Node value) {
  if (!is_mapping()) *this = Node::of(Node::Kind::kMapping, key.origin);
  if (Node* present = find(key.text)) return *present = std::move(value);
  keys.push_back(std::move(key));
  return items.emplace_back(std::move(value));
}

void Node::erase(std::string_view key) {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].text != key) continue;
    keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(i));
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
}

Node Node::of(Kind kind, Origin origin) {
  Node node;
  node.kind = kind;
  node.origin = std::move(origin);
  return node;
}

Node Node::scalar(std::string text, bool quoted, Origin origin) {
  Node node = of(Kind::kScalar, std::move(origin));
  node.text = std::move(text);
  node.quoted = quoted;
  return node;
}

Json to_json(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return nullptr;
    case Node::Kind::kScalar:
      return scalar_to_json(node);
    case Node::Kind::kSequence: {
      Json list = Json::array();
      for (const Node& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case Node::Kind::kMapping: {
      Json map = Json::object();
      for (size_t i = 0; i < node.keys.size(); ++i) map[node.keys[i].text] = to_json(node.items[i]);
      return map;
    }
  }
  return nullptr;
}

Node node_from_json(const Json& json, const Origin& origin) {
  Node node;
  node.origin = origin;
  if (json.is_null()) return node;
  if (json.is_object()) {
    node.kind = Node::Kind::kMapping;
    for (const auto& [key, value] : json.items()) {
      node.put({key, origin}, node_from_json(value, origin));
    }
    return node;
  }
  if (json.is_array()) {
    node.kind = Node::Kind::kSequence;
    for (const Json& value : json) node.items.push_back(node_from_json(value, origin));
    return node;
  }
  if (json.is_string()) return Node::scalar(json.get<std::string>(), true, origin);
  return Node::scalar(json.dump(), false, origin);
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return "'" + node.text + "'";
    case Node::Kind::kSequence:
      return "a list";
    case Node::Kind::kMapping:
      return "a mapping";
  }
  return "nothing";
}

}  // namespace aieb
