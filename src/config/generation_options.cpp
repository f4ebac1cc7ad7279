#include "config/generation_options.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "config/config.h"
#include "config/problems.h"
#include "core/error.h"

namespace aieb {
namespace {

using enum OptionType;

constexpr const char* kReference = "1.0.0";
constexpr const char* kOurs = "1.1.0";

#define MEMBER(name) [](auto& p) -> auto& { return p.name; }

template <class Access>
GenerationOption row(std::string key, OptionType type, Access access, std::string since,
                     std::string description, Limits limits = {}, std::string unit = "") {
  return option<GenerationParams>({std::move(key), type, std::move(limits), std::move(unit),
                                   std::move(since), std::move(description)},
                                  access);
}

std::vector<GenerationOption> rows() {
  return {
      row("max_new_tokens", kInteger, MEMBER(max_new_tokens), kReference,
          "Most tokens to generate.", at_least(1), "tokens"),
      row("min_new_tokens", kInteger, MEMBER(min_new_tokens), kReference,
          "Fewest tokens to generate: the end of the answer is not allowed before.", at_least(0),
          "tokens"),
      row("do_sample", kBoolean, MEMBER(do_sample), kReference,
          "Sample instead of taking the likeliest token. Absent: sample exactly when temperature "
          "(above 0), top_p or top_k is given."),
      row("temperature", kNumber, MEMBER(temperature), kReference,
          "Sampling temperature; 0 is greedy.", at_least(0)),
      row("top_p", kNumber, MEMBER(top_p), kReference,
          "Sample from the likeliest tokens of this total probability.", between(0, 1)),
      row("top_k", kInteger, MEMBER(top_k), kReference,
          "Sample from this many likeliest tokens; 0 or -1: from all.", at_least(-1)),
      row("min_p", kNumber, MEMBER(min_p), kOurs,
          "Sample from tokens at least this likely, relative to the likeliest.", between(0, 1)),
      row("repetition_penalty", kNumber, MEMBER(repetition_penalty), kOurs,
          "Divides the logits of tokens that have appeared; 1: none.", above(0)),
      row("stop", kTextList, MEMBER(stop), kOurs, "Texts that end the answer."),
      row("seed", kInteger, MEMBER(seed), kOurs, "Seed of sampling.",
          between(0, 9007199254740992.0)),
      row("ignore_eos", kBoolean, MEMBER(ignore_eos), kOurs,
          "Go on after the end-of-sequence token."),
      row("use_cache", kBoolean, MEMBER(use_cache), kReference, "Use the key-value cache."),
      row("num_return_sequences", kInteger, MEMBER(num_return_sequences), kOurs,
          "Answers to each prompt.", at_least(1)),
  };
}

#undef MEMBER

/// How servers and transformers spell some of the keys.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSpellings = {{
    {"max_tokens", "max_new_tokens"},
    {"max_completion_tokens", "max_new_tokens"},
    {"min_tokens", "min_new_tokens"},
    {"stop_strings", "stop"},
}};

std::string canonical_key(const std::string& key) {
  for (const auto& [spelling, canonical] : kSpellings) {
    if (key == spelling) return std::string(canonical);
  }
  return key;
}

const GenerationOption* find_row(const std::string& key) {
  const auto table = generation_table();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const GenerationOption& row) { return row.key == key; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

std::span<const GenerationOption> generation_table() {
  static const std::vector<GenerationOption> table = rows();
  return table;
}

const std::vector<OptionFacts>& generation_members() {
  static const std::vector<OptionFacts> members(generation_table().begin(),
                                                generation_table().end());
  return members;
}

GenerationParams generation_params(const ScenarioConfig& scenario) {
  const Origin origin{"scenario.generate_kwargs", 0};
  const Node kwargs = node_from_json(scenario.generate_kwargs, origin);
  if (!kwargs.is_mapping() && !kwargs.is_null()) {
    throw ConfigError(to_text(origin) + ": must be a mapping, found " + describe(kwargs));
  }
  GenerationParams params;
  Problems problems;
  for (size_t i = 0; i < kwargs.keys.size(); ++i) {
    const Node& value = kwargs.items[i];
    const GenerationOption* row = find_row(canonical_key(kwargs.keys[i].text));
    if (!row) {
      params.extra[kwargs.keys[i].text] = to_json(value);
    } else if (const auto typed = typed_value(value, *row)) {
      row->set(params, *typed);
    } else if (!value.is_null()) {
      problems.error(origin, mismatch_text(*row, value));
    }
  }
  if (params.min_new_tokens > params.max_new_tokens) {
    problems.error(origin, fmt::format("'min_new_tokens' ({}) is above 'max_new_tokens' ({})",
                                       params.min_new_tokens, params.max_new_tokens));
  }
  problems.throw_if_any();
  return params;
}

Json to_json(const GenerationParams& params) {
  Json json = Json::object();
  for (const GenerationOption& row : generation_table()) json[row.key] = row.get(params);
  json["extra"] = params.extra;
  return json;
}

}  // namespace aieb
