#include "config/parser.h"

#include <fmt/format.h>

#include "config/apply.h"
#include "config/compose.h"
#include "config/document.h"
#include "config/option_table.h"
#include "config/overlay.h"
#include "core/error.h"

namespace aieb {
namespace {

constexpr const char* kMaxTokens = "scenario.generate_kwargs.max_new_tokens";
constexpr const char* kMinTokens = "scenario.generate_kwargs.min_new_tokens";

bool is_given(Node& document, std::string_view key) {
  const Node* node = find_key(document, key);
  return node && !to_json(*node).is_null();
}

/// A limit that came from the environment or an override must not leave the file's minimum above
/// it; within one source that is the user's mistake.
void reconcile_token_limits(Node& document, Problems& problems) {
  const Node* max_node = find_key(document, kMaxTokens);
  Node* min_node = find_key(document, kMinTokens);
  if (!max_node || !min_node) return;
  const Json max_tokens = to_json(*max_node);
  const Json min_tokens = to_json(*min_node);
  if (!max_tokens.is_number_integer() || !min_tokens.is_number_integer()) return;
  if (min_tokens <= max_tokens) return;
  if (max_node->origin.place == min_node->origin.place) {
    problems.error(min_node->origin, fmt::format("'{}' ({}) is above 'max_new_tokens' ({})",
                                                 kMinTokens, min_node->text, max_node->text));
    return;
  }
  problems.warning(max_node->origin,
                   fmt::format("'{}' is lowered from {} to {}, the new 'max_new_tokens'",
                               kMinTokens, min_node->text, max_node->text));
  min_node->text = max_node->text;
}

void check_together(const BenchmarkConfig& config, Node& document, Problems& problems) {
  if (config.backend.load_in_8bit && config.backend.load_in_4bit) {
    const Node* later = find_key(document, "backend.load_in_4bit");
    problems.error(later ? later->origin : document.origin,
                   "'backend.load_in_8bit' and 'backend.load_in_4bit' exclude each other");
  }
}

LoadedConfig resolve(Node document, const LoadOptions& options, Problems& problems) {
  resolve_aliases(document, problems);
  if (options.apply_environment) overlay_environment(document, environment_variable, problems);
  for (const std::string& text : options.overrides) {
    overlay_override(document, text, environment_variable, problems);
  }
  reconcile_token_limits(document, problems);
  LoadedConfig loaded;
  apply_document(document, options.strict ? UnknownKeys::kReject : UnknownKeys::kSuggest,
                 loaded.config, problems);
  if (!find_key(document, "metrics.location_given")) {
    loaded.config.metrics.location_given =
        is_given(document, "metrics.country_iso_code") || is_given(document, "metrics.region");
  }
  check_together(loaded.config, document, problems);
  problems.throw_if_any();
  loaded.warnings = problems.warnings();
  return loaded;
}

/// {"a": {"b": value}} for key "a.b".
void put_nested(Json& root, const std::string& key, Json value) {
  Json* at = &root;
  size_t begin = 0;
  for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', begin)) {
    at = &(*at)[key.substr(begin, dot - begin)];
    begin = dot + 1;
  }
  (*at)[key.substr(begin)] = std::move(value);
}

}  // namespace

LoadedConfig parse_config(std::string_view text, const LoadOptions& options) {
  Problems problems;
  const VariableLookup lookup = environment_variable;
  const ReadContext context{lookup, problems};
  Node document = parse_document(text, options.path, context);
  if (document.is_mapping()) compose_defaults(document, options.path, context);
  return resolve(std::move(document), options, problems);
}

LoadedConfig load_config(const LoadOptions& options) {
  if (!options.path.empty()) return parse_config(read_config_text(options.path), options);
  Problems problems;
  return resolve(Node{}, options, problems);
}

Json to_json(const BenchmarkConfig& config) {
  constexpr std::string_view kReporter = "reporter.";
  Json root = Json::object();
  Json reporters = Json::array();
  for (size_t i = 0; i < config.reporters.size(); ++i) reporters.push_back(Json::object());
  for (const ConfigOption& option : option_table()) {
    if (!option.key.starts_with(kReporter)) {
      put_nested(root, option.key, option.get(config));
      continue;
    }
    BenchmarkConfig one;
    for (size_t i = 0; i < config.reporters.size(); ++i) {
      one.reporters = {config.reporters[i]};
      reporters[i][option.key.substr(kReporter.size())] = option.get(one);
    }
  }
  root["reporter"] = std::move(reporters);
  return root;
}

Json to_public_json(const BenchmarkConfig& config) {
  constexpr const char* kHidden = "(hidden)";
  BenchmarkConfig shown = config;
  for (auto& [name, value] : shown.backend.headers) value = kHidden;
  if (!shown.metrics.electricity_maps.token.empty()) shown.metrics.electricity_maps.token = kHidden;
  std::string& url = shown.backend.endpoint;
  const size_t scheme = url.find("://");
  const size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t at = url.substr(0, url.find('/', host)).rfind('@');
  if (at != std::string::npos && at > host) url.replace(host, at - host, kHidden);
  return to_json(shown);
}

BenchmarkConfig config_from_json(const Json& json) {
  Problems problems;
  BenchmarkConfig config;
  apply_document(node_from_json(json, {"configuration", 0}), UnknownKeys::kIgnore, config,
                 problems);
  problems.throw_if_any();
  return config;
}

}  // namespace aieb
