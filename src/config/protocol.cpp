#include "config/protocol.h"

#include <array>
#include <string_view>

#include "core/error.h"

namespace aieb {
namespace {

using enum OptionType;

constexpr const char* kSince = "1.1.0";

#define MEMBER(name) [](auto& p) -> auto& { return p.name; }

template <class Access>
Option<Protocol> row(std::string key, OptionType type, Access access, std::string description,
                     Limits limits = {}, std::string unit = "") {
  return option<Protocol>(
      {std::move(key), type, std::move(limits), std::move(unit), kSince, std::move(description)},
      access);
}

/// Without `name`, which chooses the values that the others begin with.
const std::vector<Option<Protocol>>& fields() {
  static const std::vector<Option<Protocol>> rows = {
      row("idle_s", kNumber, MEMBER(idle_s),
          "Idle power is measured for so long, model loaded; before `metrics.idle_s`.", at_least(0),
          "s"),
      row("warmup_prompts", kInteger, MEMBER(warmup_prompts),
          "Prompts of one round of warm-up; before `metrics.warmup_prompts`.", at_least(0)),
      row("warmup_cv", kNumber, MEMBER(warmup_cv),
          "Warm up until the throughput of the last rounds varies by no more than this "
          "(standard deviation over mean).",
          above(0)),
      row("warmup_window", kInteger, MEMBER(warmup_window), "Number of these rounds.", at_least(2)),
      row("max_warmup_rounds", kInteger, MEMBER(max_warmup_rounds),
          "Most rounds; a run that is not stable then is flagged.", at_least(1)),
      row("cooldown_c", kNumber, MEMBER(cooldown_c),
          "Before each repeat wait until every GPU is no warmer.", above(0), "degC"),
      row("cooldown_timeout_s", kNumber, MEMBER(cooldown_timeout_s),
          "Longest wait; a repeat that begins warmer is flagged.", at_least(0), "s"),
      row("min_window_s", kNumber, MEMBER(min_window_s), "Shortest window that is good enough.",
          at_least(0), "s"),
      row("short_window", kText, MEMBER(short_window),
          "What is done about a shorter one: mark it, ask the prompts again until it is long "
          "enough, or end the run with an error.",
          one_of({"flag", "extend", "refuse"})),
      row("window", kText, MEMBER(window), "What `min_window_s` is about.",
          one_of({"measure", "steady_state"})),
      row("repeats", kInteger, MEMBER(repeats), "How often the prompts are measured.",
          between(1, 1000)),
      row("pause_s", kNumber, MEMBER(pause_s),
          "Each repeat begins after a random pause of up to this, so that it does not lock to "
          "the sensors' clocks.",
          at_least(0), "s"),
      row("samples", kInteger, MEMBER(samples),
          "Prompts of a repeat; before `scenario.num_samples`.", at_least(1)),
      row("energy", kText, MEMBER(energy), "Energy in which outliers are looked for.",
          one_of({"total", "gpu"})),
  };
  return rows;
}

#undef MEMBER

/// A named protocol: the fields in which it differs from the defaults. The same table, with
/// reasons, is in docs/protocols.md.
struct Named {
  std::string_view name;
  std::string_view values;  ///< JSON
};
constexpr std::array kNamed = {
    Named{"quick", R"({"idle_s": 2, "warmup_prompts": 1,
                       "min_window_s": 5, "short_window": "extend"})"},
    Named{"standard", R"({"idle_s": 30, "warmup_prompts": 1, "warmup_cv": 0.05,
                          "cooldown_c": 50, "cooldown_timeout_s": 120,
                          "min_window_s": 10, "short_window": "extend",
                          "repeats": 5, "pause_s": 0.5})"},
    Named{"ai_energy_score", R"({"idle_s": 5, "warmup_prompts": 10, "samples": 1000,
                                 "min_window_s": 5, "repeats": 10, "energy": "gpu"})"},
    Named{"ml_energy", R"({"idle_s": 5, "warmup_prompts": 1, "min_window_s": 30,
                           "window": "steady_state", "energy": "gpu"})"},
    Named{"mlperf", R"({"idle_s": 10, "warmup_prompts": 10, "min_window_s": 60,
                        "short_window": "extend"})"},
};

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

Json values_of(const std::string& name) {
  for (const Named& named : kNamed) {
    if (named.name == name) return Json::parse(named.values);
  }
  throw ConfigError("no measurement protocol is named '" + name + "': metrics.protocol.name is " +
                    "one of " + listed(protocol_names()));
}

void take(Protocol& protocol, const Json& values) {
  for (const Option<Protocol>& field : fields()) {
    if (values.contains(field.key) && !values[field.key].is_null()) {
      field.set(protocol, values[field.key]);
    }
  }
}

}  // namespace

std::vector<std::string> protocol_names() {
  std::vector<std::string> names;
  for (const Named& named : kNamed) names.emplace_back(named.name);
  return names;
}

const std::vector<OptionFacts>& protocol_members() {
  static const std::vector<OptionFacts> rows = [] {
    std::vector<OptionFacts> out = {{"name", kText, one_of(protocol_names()), "", kSince,
                                     "Protocol that gives every field which is not set."}};
    for (const Option<Protocol>& field : fields()) out.push_back(field);
    return out;
  }();
  return rows;
}

Protocol protocol_of(const MetricsConfig& metrics) {
  Protocol protocol;
  protocol.idle_s = metrics.idle_s;
  protocol.warmup_prompts = metrics.warmup_prompts;
  const Json& given = metrics.protocol;
  if (given.is_null()) return protocol;
  const Json map = given.is_string() ? Json{{"name", given}} : given;
  protocol.name = map.value("name", "");
  if (!protocol.name.empty()) take(protocol, values_of(protocol.name));
  const Json named = to_json(protocol);
  take(protocol, map);
  const Json resolved = to_json(protocol);
  for (const Option<Protocol>& field : fields()) {
    const bool differs = resolved[field.key] != named[field.key];
    if (differs && !protocol.name.empty()) protocol.changed.push_back(field.key);
  }
  if (protocol.short_window != "flag" && protocol.window == "steady_state") {
    throw ConfigError("metrics.protocol: short_window '" + protocol.short_window +
                      "' needs window 'measure': how long the full load lasts is known only after "
                      "the run. Leave short_window at 'flag'.");
  }
  return protocol;
}

void apply_protocol(BenchmarkConfig& config) {
  const Protocol protocol = protocol_of(config.metrics);
  config.metrics.idle_s = protocol.idle_s;
  config.metrics.warmup_prompts = protocol.warmup_prompts;
  if (protocol.samples) config.scenario.num_samples = *protocol.samples;
}

Json to_json(const Protocol& protocol) {
  Json out = {{"name", protocol.name.empty() ? Json() : Json(protocol.name)}};
  for (const Option<Protocol>& field : fields()) out[field.key] = field.get(protocol);
  out["changed"] = protocol.changed;
  return out;
}

}  // namespace aieb
