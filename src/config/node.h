#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace aieb {

/// Where a value was written, for error messages.
struct Origin {
  std::string place;  ///< "configs/a.yaml", "environment variable NUM_SAMPLES", "override 'a=1'"
  int line = 0;       ///< 1-based; 0: the place has no lines
};

/// "configs/a.yaml:12", or the place alone.
std::string to_text(const Origin& origin);

struct NodeKey {
  std::string text;
  Origin origin;
};

/// One value of a configuration document, of whatever syntax it came from, with its place.
/// Scalars stay text until the option table gives them a type.
struct Node {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  Kind kind = Kind::kNull;
  std::string text;           ///< of a scalar
  bool quoted = false;        ///< a scalar written in quotes: text, where no option says otherwise
  std::vector<NodeKey> keys;  ///< of a mapping, parallel to `items`
  std::vector<Node> items;    ///< of a sequence or mapping
  Origin origin;

  [[nodiscard]] bool is_null() const { return kind == Kind::kNull; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::kScalar; }
  [[nodiscard]] bool is_sequence() const { return kind == Kind::kSequence; }
  [[nodiscard]] bool is_mapping() const { return kind == Kind::kMapping; }

  /// The value under `key` of a mapping; null pointer if there is none.
  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] Node* find(std::string_view key);

  /// Sets or replaces the value under `key`; anything but a mapping becomes one first.
  Node& put(NodeKey key, Node value);
  void erase(std::string_view key);

  static Node of(Kind kind, Origin origin);
  static Node scalar(std::string text, bool quoted, Origin origin);
};

/// The value without a type from the table: null, true/false, whole and decimal numbers as YAML 1.2
/// writes them, else text.
Json to_json(const Node& node);

Node node_from_json(const Json& json, const Origin& origin);

/// A value as an error message shows it: "'ten'", "a list", "a mapping", "nothing".
std::string describe(const Node& node);

}  // namespace aieb
