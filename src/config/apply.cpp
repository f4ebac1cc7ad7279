#include "config/apply.h"

#include <algorithm>
#include <string>
#include <vector>

#include "config/option_table.h"
#include "config/suggest.h"

namespace aieb {
namespace {

class Applier {
 public:
  Applier(UnknownKeys unknown, Problems& problems) : unknown_(unknown), problems_(problems) {}

  void section(const Node& node, const std::string& prefix, BenchmarkConfig& config) {
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const std::string path = prefix + node.keys[i].text;
      const Node& value = node.items[i];
      if (const ConfigOption* option = find_option(path)) {
        leaf(*option, value, config);
      } else if (path == "reporter" && value.is_sequence()) {
        reporters(value, config);
      } else if (is_section(path)) {
        subsection(value, path, config);
      } else {
        unknown(node.keys[i], prefix, known_names(prefix));
      }
    }
  }

 private:
  void subsection(const Node& value, const std::string& path, BenchmarkConfig& config) {
    if (value.is_mapping()) {
      section(value, path + ".", config);
    } else if (!value.is_null()) {
      problems_.error(value.origin,
                      "'" + path + "' must be a mapping of keys, found " + describe(value));
    }
  }

  void leaf(const ConfigOption& option, const Node& value, BenchmarkConfig& config) {
    if (const std::optional<Json> typed = checked(option, value)) option.set(config, *typed);
  }

  /// The typed value; absent for nulls (the default stays) and after a problem was noted.
  std::optional<Json> checked(const ConfigOption& option, const Node& value) {
    const bool nullable = default_of(option).is_null() || option.type > OptionType::kAutoBoolean ||
                          option.type == OptionType::kText;
    if (is_null(value) && nullable) return std::nullopt;
    std::optional<Json> typed = typed_value(value, option);
    const bool empty = typed && *typed == "" && default_of(option).is_string();
    if (!typed || empty) {
      problems_.error(value.origin, mismatch_text(option, value));
      return std::nullopt;
    }
    note_unlisted(option, value, *typed);
    if (option.members) members(option, value, *typed);
    if (stands_for_a_name(option, value)) typed = Json{{"name", *typed}};
    return typed;
  }

  static bool is_null(const Node& value) {
    return value.is_null() || (value.is_scalar() && to_json(value).is_null());
  }

  void note_unlisted(const OptionFacts& facts, const Node& value, const Json& typed) {
    if (unknown_ == UnknownKeys::kIgnore || !facts.limits.open_choices) return;
    if (!is_unlisted_choice(typed, facts)) return;
    const std::string text =
        "'" + facts.key + "' is " + describe(value) + ", not " + expectation(facts);
    if (unknown_ == UnknownKeys::kReject) {
      problems_.error(value.origin, text);
    } else {
      problems_.warning(value.origin, text + "; it needs a plug-in of that name");
    }
  }

  /// Types the known keys of a mapping option in place; its other keys pass as they are.
  void members(const ConfigOption& option, const Node& map, Json& typed) {
    std::vector<std::string> names;
    for (const OptionFacts& member : *option.members) names.push_back(member.key);
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const NodeKey& key = map.keys[i];
      const auto row = std::find(names.begin(), names.end(), key.text);
      if (row == names.end()) {
        const bool closed = option.type == OptionType::kMapOrText;
        if (closed || !nearest(key.text, names).empty()) unknown(key, option.key + ".", names);
        continue;
      }
      OptionFacts member = (*option.members)[static_cast<size_t>(row - names.begin())];
      member.key = option.key + "." + member.key;
      const Node& value = map.items[i];
      if (is_null(value)) continue;
      if (const std::optional<Json> member_value = typed_value(value, member)) {
        typed[key.text] = *member_value;
      } else {
        problems_.error(value.origin, mismatch_text(member, value));
      }
    }
  }

  void reporters(const Node& list, BenchmarkConfig& config) {
    std::vector<ReporterConfig> reporters;
    for (const Node& item : list.items) {
      BenchmarkConfig one;
      subsection(item, "reporter", one);
      if (!item.find("output_file")) default_file(one.reporters[0]);
      reporters.push_back(one.reporters[0]);
    }
    config.reporters = std::move(reporters);
  }

 public:
  /// Only csv has a documented default file; other types get one beside it.
  static void default_file(ReporterConfig& reporter) {
    if (reporter.type != "csv") {
      reporter.output_file = "./results/benchmark_results." + reporter.type;
    }
  }

 private:
  /// The last segments of keys and sections directly below `prefix`.
  static std::vector<std::string> known_names(const std::string& prefix) {
    std::vector<std::string> names;
    for (const ConfigOption& option : option_table()) {
      if (!option.key.starts_with(prefix)) continue;
      const std::string rest = option.key.substr(prefix.size());
      const std::string name = rest.substr(0, rest.find('.'));
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return names;
  }

  /// The full key of an option whose last segment is `name`, if there is exactly one.
  static std::string elsewhere(const std::string& name) {
    std::string found;
    for (const ConfigOption& option : option_table()) {
      if (!option.key.ends_with("." + name)) continue;
      if (!found.empty()) return {};
      found = option.key;
    }
    return found;
  }

  void unknown(const NodeKey& key, const std::string& prefix,
               const std::vector<std::string>& siblings) {
    if (unknown_ == UnknownKeys::kIgnore) return;
    std::string text = "unknown key '" + prefix + key.text + "'";
    const std::string near = nearest(key.text, siblings);
    const std::string other = elsewhere(key.text);
    if (!near.empty()) {
      text += " (did you mean '" + near + "'?)";
    } else if (!other.empty()) {
      text += " (did you mean '" + other + "'?)";
    }
    if (unknown_ == UnknownKeys::kReject || !near.empty()) {
      problems_.error(key.origin, text);
    } else {
      problems_.warning(key.origin, text + "; it is ignored");
    }
  }

  UnknownKeys unknown_;
  Problems& problems_;
};

}  // namespace

void apply_document(const Node& document, UnknownKeys unknown, BenchmarkConfig& config,
                    Problems& problems) {
  if (document.is_null()) return;
  if (!document.is_mapping()) {
    problems.error(
        document.origin,
        "must be a mapping of keys (name:, backend:, scenario:, …), found " + describe(document));
    return;
  }
  Applier(unknown, problems).section(document, "", config);
  const Node* reporter = document.find("reporter");
  if (reporter && reporter->is_mapping() && !reporter->find("output_file")) {
    Applier::default_file(config.reporters.at(0));
  }
}

}  // namespace aieb
