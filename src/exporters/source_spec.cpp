#include "exporters/source_spec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/suggest.h"
#include "core/error.h"
#include "http/url.h"

namespace aieb::exporters {
namespace {

/// The entry that is no exporter but the server's own page.
constexpr const char* kServerPage = "server_metrics";

struct TypeRow {
  std::string_view name;
  SourceType type;
  double period_s;          ///< time between two requests, unless it is given
  std::string_view preset;  ///< rules where none are given
};
constexpr std::array kTypes = {
    TypeRow{"dcgm", SourceType::kDcgm, 0.1, "dcgm"},
    TypeRow{"prometheus_text", SourceType::kPrometheusText, 0.1, ""},
    TypeRow{"prometheus", SourceType::kPrometheus, 1, "dcgm"},
    TypeRow{"tensorrt_llm", SourceType::kTensorRtLlm, 0.1, ""},
    TypeRow{"zeus", SourceType::kZeus, 0.1, ""},
};

/// Units of exporters: what they are called, the domain's unit, and its size in it.
struct UnitRow {
  std::string_view name;
  std::string_view unit;
  double scale;
};
constexpr std::array kUnits = {
    UnitRow{"J", "J", 1},     UnitRow{"mJ", "J", 1e-3},   UnitRow{"uJ", "J", 1e-6},
    UnitRow{"Wh", "J", 3600}, UnitRow{"kWh", "J", 3.6e6}, UnitRow{"W", "W", 1},
    UnitRow{"mW", "W", 1e-3}, UnitRow{"uW", "W", 1e-6},   UnitRow{"kW", "W", 1e3},
};

template <typename Rows>
std::vector<std::string> names_of(const Rows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) names.emplace_back(row.name);
  return names;
}

/// A mapping of the configuration, with the place for messages.
class Entry {
 public:
  Entry(const Json& json, std::string place) : json_(json), place_(std::move(place)) {
    if (!json.is_object()) fail("must be a mapping");
  }

  [[noreturn]] void fail(const std::string& what) const { throw ConfigError(place_ + " " + what); }
  [[noreturn]] void fail(const std::string& key, const std::string& what) const {
    throw ConfigError(fmt::format("{}.{} {}", place_, key, what));
  }

  void allow_only(std::initializer_list<const char*> keys) const {
    const std::vector<std::string> known(keys.begin(), keys.end());
    for (const auto& [key, value] : json_.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string like = nearest(key, known);
      fail(key, like.empty() ? fmt::format("is not known; known are {}", fmt::join(known, ", "))
                             : fmt::format("is not known (did you mean '{}'?)", like));
    }
  }

  [[nodiscard]] const Json* find(const std::string& key) const {
    const auto it = json_.find(key);
    return it == json_.end() || it->is_null() ? nullptr : &*it;
  }

  [[nodiscard]] std::string text(const std::string& key, std::string otherwise = "") const {
    const Json* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_string() || value->get<std::string>().empty()) fail(key, "must be a text");
    return *value;
  }

  [[nodiscard]] std::optional<double> number(const std::string& key, double least) const {
    const Json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number() || !std::isfinite(value->get<double>()) ||
        value->get<double>() < least) {
      fail(key, fmt::format("must be a number of at least {:g}", least));
    }
    return value->get<double>();
  }

  [[nodiscard]] std::vector<std::string> texts(const std::string& key) const {
    const Json* value = find(key);
    std::vector<std::string> out;
    if (value == nullptr) return out;
    const Json list = value->is_array() ? *value : Json::array({*value});
    for (const Json& item : list) {
      if (item.is_string()) {
        out.push_back(item);
      } else if (item.is_number_integer()) {
        out.push_back(std::to_string(item.get<int64_t>()));
      } else {
        fail(key, "must be a list of names or whole numbers");
      }
    }
    return out;
  }

  [[nodiscard]] std::vector<Label> labels(const std::string& key) const {
    const Json* value = find(key);
    std::vector<Label> out;
    if (value == nullptr) return out;
    if (!value->is_object()) fail(key, "must be a mapping of labels to values");
    for (const auto& [name, text] : value->items()) {
      out.push_back({name, text.is_string() ? text.get<std::string>() : text.dump()});
    }
    return out;
  }

  /// The row whose name the key holds.
  template <typename Rows>
  const auto& row(const std::string& key, const Rows& rows) const {
    const std::string name = text(key);
    for (const auto& candidate : rows) {
      if (candidate.name == name) return candidate;
    }
    std::vector<std::string> names = names_of(rows);
    if (key == "type") names.emplace_back(kServerPage);
    const std::string like = key == "type" ? nearest(name, names) : "";
    fail(key, (name.empty() ? "is missing" : fmt::format("is '{}'", name)) +
                  (name.empty() || like.empty() ? "" : fmt::format(" (did you mean '{}'?)", like)) +
                  fmt::format("; it must be one of {}", fmt::join(names, ", ")));
  }

  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  const Json& json_;
  std::string place_;
};

double default_gain(Component component) {
  return component == Component::kGpu || component == Component::kCpu ? 0.05 : 0.2;
}

Rule read_rule(const Entry& entry, SourceType type) {
  entry.allow_only({"metric", "query", "component", "kind", "unit", "scale", "labels", "devices",
                    "uncertainty", "averaging_s"});
  Rule rule;
  rule.metric = entry.text("metric", entry.text("query"));
  rule.expression = entry.find("query") != nullptr;
  if (rule.metric.empty()) entry.fail("metric", "is missing: the name of the exporter's metric");
  if (rule.expression && (type != SourceType::kPrometheus || entry.find("metric") != nullptr)) {
    entry.fail("query", "is for type prometheus, instead of metric");
  }
  const auto component = component_from(entry.text("component"));
  if (!component || *component == Component::kClient) {
    entry.fail("component", "must be one of gpu, cpu, dram, node, disk, network");
  }
  rule.component = *component;
  const UnitRow& unit = entry.row("unit", kUnits);
  rule.unit = unit.unit;
  rule.scale = unit.scale * entry.number("scale", 0).value_or(1);
  const bool energy = rule.unit == "J";
  const std::string kind = entry.text("kind", energy ? "counter" : "gauge");
  if (kind != (energy ? "counter" : "gauge")) {
    entry.fail("kind", "must be counter for a unit of energy and gauge for one of power");
  }
  rule.kind = energy ? DomainKind::kCounter : DomainKind::kGauge;
  rule.what = energy ? "energy" : "power";
  rule.where = entry.labels("labels");
  rule.device_labels = entry.texts("devices");
  rule.gain_uncertainty = entry.number("uncertainty", 0).value_or(default_gain(rule.component));
  rule.averaging_ns = static_cast<int64_t>(entry.number("averaging_s", 0).value_or(0) * 1e9);
  return rule;
}

std::vector<Rule> read_rules(const Entry& entry, const TypeRow& type) {
  const Json* metrics = entry.find("metrics");
  const std::string preset = entry.text("preset", metrics ? "" : std::string(type.preset));
  std::vector<Rule> rules;
  if (!preset.empty()) {
    const std::vector<Rule>* known = preset_rules(preset);
    if (known == nullptr) {
      const std::string like = nearest(preset, preset_names());
      entry.fail("preset",
                 fmt::format("is '{}'{}; it must be one of {}", preset,
                             like.empty() ? "" : fmt::format(" (did you mean '{}'?)", like),
                             fmt::join(preset_names(), ", ")));
    }
    rules = *known;
  }
  if (metrics != nullptr && !metrics->is_array()) entry.fail("metrics", "must be a list");
  for (size_t i = 0; metrics != nullptr && i < metrics->size(); ++i) {
    rules.push_back(
        read_rule({(*metrics)[i], fmt::format("{}.metrics[{}]", entry.place(), i)}, type.type));
  }
  if (rules.empty()) {
    entry.fail("metrics", fmt::format("is missing: the metrics to read, or a preset ({})",
                                      fmt::join(preset_names(), ", ")));
  }
  return rules;
}

void check_url(const Entry& entry, const std::string& url) {
  if (url.empty()) entry.fail("url", "is missing: where the exporter answers");
  const size_t host = url.find("://") == std::string::npos ? 0 : url.find("://") + 3;
  if (url.substr(host, url.find('/', host) - host).find('@') != std::string::npos) {
    entry.fail("url",
               "contains a user name or password, which would be written into every report; name "
               "an environment variable with a bearer token in token_variable");
  }
  try {
    http::Endpoint::parse(url);
  } catch (const ConfigError& error) {
    entry.fail("url", fmt::format("cannot be used: {}", error.what()));
  }
}

SourceSpec read_source(const Entry& entry) {
  const TypeRow& type = entry.row("type", kTypes);
  const bool has_rules = type.type != SourceType::kTensorRtLlm && type.type != SourceType::kZeus;
  if (has_rules) {
    entry.allow_only({"type", "url", "name", "period_s", "update_s", "gpus", "labels",
                      "token_variable", "preset", "metrics"});
  } else {
    entry.allow_only({"type", "url", "name", "period_s", "update_s", "gpus", "token_variable"});
  }
  SourceSpec spec;
  spec.type = type.type;
  spec.name = entry.text("name", std::string(type.name));
  if (spec.name.find('/') != std::string::npos) entry.fail("name", "must not contain '/'");
  spec.url = entry.text("url");
  check_url(entry, spec.url);
  constexpr double kShortestPeriod_s = 0.01;
  spec.period_s = entry.number("period_s", kShortestPeriod_s).value_or(type.period_s);
  spec.update_s = entry.number("update_s", 0);
  spec.gpus = entry.texts("gpus");
  if (type.type == SourceType::kTensorRtLlm && !spec.gpus.empty()) {
    entry.fail("gpus", "has no use here: the server tells the sum over its own GPUs");
  }
  spec.where = entry.labels("labels");
  spec.token_variable = entry.text("token_variable");
  if (has_rules) spec.rules = read_rules(entry, type);
  return spec;
}

bool is_server_page(const Json& source) {
  return source.is_object() && source.value("type", Json()) == kServerPage;
}

}  // namespace

ServerPageSpec server_page_spec(const Json& sources) {
  ServerPageSpec spec;
  for (size_t i = 0; sources.is_array() && i < sources.size(); ++i) {
    if (!is_server_page(sources[i])) continue;
    const Entry entry(sources[i], fmt::format("metrics.sources[{}]", i));
    entry.allow_only({"type", "url", "period_s"});
    constexpr double kShortest_s = 0.1;
    spec.url = entry.text("url", "auto");
    spec.period_s = entry.number("period_s", kShortest_s).value_or(1);
    if (spec.url != "auto" && spec.url != "off") check_url(entry, spec.url);
  }
  return spec;
}

std::string_view to_string(SourceType type) {
  const auto it = std::find_if(kTypes.begin(), kTypes.end(),
                               [type](const TypeRow& row) { return row.type == type; });
  return it->name;
}

std::vector<SourceSpec> source_specs(const Json& sources) {
  std::vector<SourceSpec> specs;
  if (sources.is_null()) return specs;
  if (!sources.is_array()) throw ConfigError("metrics.sources must be a list of exporters");
  server_page_spec(sources);  // its mistakes are to be told, too
  std::set<std::string> names;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (is_server_page(sources[i])) continue;
    const Entry entry(sources[i], fmt::format("metrics.sources[{}]", i));
    SourceSpec spec = read_source(entry);
    const bool named = entry.find("name") != nullptr;
    const std::string wanted = spec.name;
    for (int k = 2; !names.insert(spec.name).second; ++k) {
      if (named) entry.fail("name", fmt::format("'{}' is used twice", wanted));
      spec.name = fmt::format("{}-{}", wanted, k);
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace aieb::exporters
