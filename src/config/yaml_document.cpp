#include <algorithm>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "config/document.h"
#include "core/error.h"

namespace aieb {
namespace {

/// Turns yaml-cpp's nodes into ours: finds duplicate keys, follows aliases and merge keys, and
/// bounds what hostile aliases could blow up.
class YamlReader {
 public:
  YamlReader(const Origin& place, const ReadContext& context) : place_(place), context_(context) {}

  Node read(const YAML::Node& yaml, int depth = 0) {
    constexpr int kDeepest = 64;
    constexpr int kMostNodes = 200'000;
    const Origin origin = origin_of(yaml.Mark());
    if (depth > kDeepest) throw ConfigError(to_text(origin) + ": nested deeper than 64 levels");
    if (++nodes_ > kMostNodes) {
      throw ConfigError(to_text(origin) + ": more than 200000 values (aliases of aliases?)");
    }
    switch (yaml.Type()) {
      case YAML::NodeType::Scalar:
        return scalar(yaml, origin);
      case YAML::NodeType::Sequence:
        return sequence(yaml, origin, depth);
      case YAML::NodeType::Map:
        return mapping(yaml, origin, depth);
      default:
        return Node::of(Node::Kind::kNull, origin);
    }
  }

 private:
  [[nodiscard]] Origin origin_of(const YAML::Mark& mark) const {
    if (place_.line == 0) return place_;
    return {place_.place, mark.line < 0 ? 0 : place_.line + mark.line};
  }

  Node scalar(const YAML::Node& yaml, const Origin& origin) {
    const std::string& tag = yaml.Tag();  // "!": quoted, "?": plain
    const bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    return expanded_scalar(yaml.Scalar(), quoted, origin, context_);
  }

  Node sequence(const YAML::Node& yaml, const Origin& origin, int depth) {
    Node node = Node::of(Node::Kind::kSequence, origin);
    for (const YAML::Node& item : yaml) node.items.push_back(read(item, depth + 1));
    return node;
  }

  Node mapping(const YAML::Node& yaml, const Origin& origin, int depth) {
    Node node = Node::of(Node::Kind::kMapping, origin);
    Node merged;
    for (const auto& entry : yaml) {
      const Origin key_origin = origin_of(entry.first.Mark());
      if (!entry.first.IsScalar()) {
        context_.problems.error(key_origin, "a key must be plain text");
        continue;
      }
      const std::string& key = entry.first.Scalar();
      Node value = read(entry.second, depth + 1);
      if (key == "<<") {
        merged = std::move(value);
      } else if (node.find(key)) {
        const Origin first = key_of(node, key).origin;
        context_.problems.error(key_origin, "duplicate key '" + key + "' (first in line " +
                                                std::to_string(first.line) + ")");
      } else {
        node.put({key, key_origin}, std::move(value));
      }
    }
    merge(node, merged);
    return node;
  }

  static const NodeKey& key_of(const Node& node, const std::string& key) {
    return *std::find_if(node.keys.begin(), node.keys.end(),
                         [&](const NodeKey& candidate) { return candidate.text == key; });
  }

  /// YAML's merge key: the mapping's own keys win, then the first of several merged mappings.
  void merge(Node& node, const Node& merged) {
    if (merged.is_sequence()) {
      for (const Node& item : merged.items) merge(node, item);
    } else if (merged.is_mapping()) {
      for (size_t i = 0; i < merged.keys.size(); ++i) {
        if (!node.find(merged.keys[i].text)) node.put(merged.keys[i], merged.items[i]);
      }
    } else if (!merged.is_null()) {
      context_.problems.error(merged.origin, "'<<' must name a mapping, found " + describe(merged));
    }
  }

  const Origin& place_;
  const ReadContext& context_;
  int nodes_ = 0;
};

/// Notes where documents start, and nothing else.
class DocumentStarts final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  YAML::Mark last;
};

/// yaml-cpp's LoadAll never returns after a stray bracket, and Load drops what follows one.
void refuse_second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  if (parser.HandleNextDocument(starts) && parser.HandleNextDocument(starts)) {
    throw YAML::ParserException(starts.last, "a second document, or a stray bracket");
  }
}

YAML::Node load_one(const std::string& text, const Origin& place) {
  try {
    refuse_second_document(text);
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    Origin origin = place;
    if (place.line > 0 && error.mark.line >= 0) origin.line = place.line + error.mark.line;
    std::string column;
    if (error.mark.column >= 0) column = ", column " + std::to_string(error.mark.column + 1);
    throw ConfigError(to_text(origin) + ": YAML syntax error" + column + ": " + error.msg);
  }
}

}  // namespace

Node parse_yaml(std::string_view text, const Origin& place, const ReadContext& context) {
  if (text.find('\0') != std::string_view::npos) {
    throw ConfigError(to_text({place.place, 0}) + ": is not a text file");
  }
  const YAML::Node document = load_one(std::string(text), place);
  try {
    return YamlReader(place, context).read(document);
  } catch (const YAML::Exception& error) {
    throw ConfigError(to_text({place.place, 0}) + ": YAML error: " + error.msg);
  }
}

}  // namespace aieb
